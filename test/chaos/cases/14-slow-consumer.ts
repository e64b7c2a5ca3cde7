import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, told } from '../figure.ts'
import { percentile, type Stage } from '../stage.ts'

/** A hundred times what others take. */
const slowMs = 400
/** Of a latency of a few milliseconds the double is noise. */
const floorMs = 50

export const slowConsumer: ChaosCase = {
  number: 14,
  name: 'one key a hundred times slower; then one tenant sends 90 % of the load',
  minutes: 1.5,
  shortSeconds: 24,
  leavesOut: `twice the clean latency, but not less than ${floorMs} ms`,
  async play(open) {
    const stage = await open()
    const { options } = stage
    await stage.prepare(3)
    const third = (options.seconds / 3) * 1000
    await stage.underLoad(() => delay(third), { keyOf: keysOf(stage, 'clean') })
    // More than it can do: its items pile up.
    const slow = stage.pace({ rate: 4, keyOf: () => 'slow-0', ms: slowMs })
    await stage.underLoad(() => delay(third), { keyOf: keysOf(stage, 'beside') })
    await slow.stop()
    const [many, few] = [keysOf(stage, 'many'), keysOf(stage, 'few')]
    await stage.underLoad(() => delay(third), { keyOf: () => (stage.random() < 0.9 ? many() : few()) })
    const { figures } = await stage.close()
    const p95 = (prefix: string): number =>
      percentile(
        stage.latencies(({ key }) => key.startsWith(`${prefix}-`)),
        0.95,
      )
    const most = Math.max(floorMs, 2 * p95('clean'))
    return [
      atLeast(
        'items of the slow key',
        stage.latencies(({ key }) => key === 'slow-0').length,
        Math.floor(third / 500),
      ),
      atLeast(
        'items of the tenant that sends 90 %',
        stage.latencies(({ key }) => key.startsWith('many-')).length,
        1_000,
      ),
      ...figures,
      told('p95 from the accept to the start, clean', p95('clean'), 'ms'),
      atMost('p95 of other keys beside the slow one', p95('beside'), most, 'ms'),
      atMost('p95 of the quiet tenant', p95('few'), most, 'ms'),
    ]
  },
}

function keysOf(stage: Stage, prefix: string): () => string {
  return () => `${prefix}-${Math.floor(stage.random() * 500)}`
}
