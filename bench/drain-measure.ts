import type { Measure, Size, Subject } from './claim.ts'
import type { Kind } from './definitions.ts'
import { graphileSettings, showSettings } from './graphile-settings.ts'
import { runTask } from './process.ts'
import { settleDown } from './server.ts'
import type { DrainResult } from './tally.ts'

const concurrency = 50

export interface Drain {
  readonly title: string
  readonly kind: Kind
  /** Items of each side: the slower one gets fewer, so that both run for seconds. */
  readonly items: { readonly coatcheck: number; readonly graphile: number }
  readonly quick: number
  readonly bar?: number
}

/** Both sides work off a queue that was filled before. */
export function measureDrain(drain: Drain, size: Size): Measure {
  const items = size === 'quick' ? { coatcheck: drain.quick, graphile: drain.quick } : drain.items
  return {
    title: drain.title,
    figures: [{ name: 'rate', unit: 'items/s', ...(drain.bar === undefined ? {} : { bar: drain.bar }) }],
    coatcheck: coatcheck(drain.kind, items.coatcheck),
    peer: graphile(drain.kind === 'keyed', items.graphile),
  }
}

function coatcheck(kind: Kind, items: number): Subject {
  return {
    conditions: `${items.toLocaleString('en')} items, concurrency ${concurrency}, 6 partitions`,
    run: (url) =>
      drain(items, async () => {
        const parameters = { url, kind, items, concurrency }
        await runTask('fillCoatcheck', parameters)
        await settleDown(url)
        return runTask('drainCoatcheck', parameters)
      }),
  }
}

function graphile(isKeyed: boolean, items: number): Subject {
  return {
    conditions: `${items.toLocaleString('en')} jobs, ${showSettings(graphileSettings)}`,
    run: (url) =>
      drain(items, async () => {
        const parameters = { url, items, keyed: isKeyed, ...graphileSettings }
        await runTask('fillGraphile', parameters)
        await settleDown(url)
        return runTask('drainGraphile', parameters)
      }),
  }
}

async function drain(items: number, run: () => Promise<DrainResult>): Promise<Record<string, number>> {
  const { seconds, repeated, missing } = await run()
  if (repeated > 0 || missing > 0)
    throw new Error(`${repeated} items came more than once and ${missing} not at all, of ${items}`)
  return { rate: items / seconds }
}
