import type { Claim, Measure, Size, Subject } from '../claim.ts'
import { runTask } from '../process.ts'
import type { AppendParameters } from '../tasks/append.ts'

interface Load {
  readonly title: string
  readonly callers: number
  readonly perCall: number
  /** Items of each side: the slower one gets fewer, so that both run for seconds. */
  readonly items: { readonly coatcheck: number; readonly graphile: number }
  readonly quick: number
  readonly bar?: number
}

const loads: readonly Load[] = [
  {
    title: 'bulk, 1,000 a call, 1 caller',
    callers: 1,
    perCall: 1000,
    items: { coatcheck: 100_000, graphile: 100_000 },
    quick: 5000,
  },
  {
    title: 'single calls, 1 caller',
    callers: 1,
    perCall: 1,
    items: { coatcheck: 4000, graphile: 2000 },
    quick: 100,
  },
  {
    title: 'single calls, 10 callers',
    callers: 10,
    perCall: 1,
    items: { coatcheck: 40_000, graphile: 2500 },
    quick: 200,
  },
  {
    title: 'single calls, 100 callers',
    callers: 100,
    perCall: 1,
    items: { coatcheck: 200_000, graphile: 3000 },
    quick: 1000,
    bar: 20,
  },
]

/** Taking work in: durable when the call returns. */
export function appendClaim(size: Size): Claim {
  return {
    name: 'append',
    title: 'Append',
    peer: 'graphile-worker',
    how: 'Items a second until the last call has returned; each is durable when its call returns. No worker runs.',
    measures: loads.map((load): Measure => {
      const subject = (task: 'appendCoatcheck' | 'appendGraphile', items: number): Subject => ({
        conditions: `${items.toLocaleString('en')} items`,
        run: (url) => append(task, { url, items, callers: load.callers, perCall: load.perCall }),
      })
      return {
        title: load.title,
        figures: [{ name: 'rate', unit: 'items/s', ...(load.bar === undefined ? {} : { bar: load.bar }) }],
        coatcheck: subject('appendCoatcheck', size === 'quick' ? load.quick : load.items.coatcheck),
        peer: subject('appendGraphile', size === 'quick' ? load.quick : load.items.graphile),
      }
    }),
  }
}

async function append(
  task: 'appendCoatcheck' | 'appendGraphile',
  parameters: AppendParameters,
): Promise<Record<string, number>> {
  const { items, seconds } = await runTask(task, parameters)
  return { rate: items / seconds }
}
