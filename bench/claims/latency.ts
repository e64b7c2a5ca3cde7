import type { Claim, Measure, Size } from '../claim.ts'
import { graphileSettings, showSettings } from '../graphile-settings.ts'
import { runTask } from '../process.ts'

const seconds = 10

/** From the producer's call to the handler's, in different processes. */
export function latencyClaim(size: Size): Claim {
  return {
    name: 'latency',
    title: 'Latency',
    peer: 'graphile-worker',
    how:
      'Milliseconds from the call that enqueues to the call of the handler, in another process, at a steady rate that does ' +
      'not wait for answers.',
    measures: [20, 500].map((perSecond): Measure => {
      const items = size === 'quick' ? Math.min(perSecond, 200) : perSecond * seconds
      return {
        title: `${perSecond} items a second`,
        figures: [
          { name: 'p50', unit: 'ms' },
          { name: 'p99', unit: 'ms' },
        ],
        coatcheck: {
          conditions: `${items} items, concurrency 50`,
          async run(url) {
            const parameters = { url, items, perSecond }
            const ready = Promise.withResolvers<void>()
            const received = runTask('receiveCoatcheck', parameters, { onReady: ready.resolve })
            await Promise.race([ready.promise, received])
            await runTask('sendCoatcheck', parameters)
            return { ...(await received) }
          },
        },
        peer: {
          conditions: `${items} jobs, ${showSettings(graphileSettings)}`,
          async run(url) {
            const parameters = { url, items, perSecond }
            const ready = Promise.withResolvers<void>()
            const received = runTask(
              'receiveGraphile',
              { ...parameters, ...graphileSettings },
              { onReady: ready.resolve },
            )
            await Promise.race([ready.promise, received])
            await runTask('sendGraphile', parameters)
            return { ...(await received) }
          },
        },
      }
    }),
  }
}
