import { Client } from 'pg'
import { createNode, type EventMap, type Node } from '../../src/index.ts'
import { benchApplication, type Kind } from '../definitions.ts'
import { inBatches, payloads } from '../payload.ts'
import { Tally, type DrainResult } from '../tally.ts'

export interface DrainParameters {
  readonly url: string
  readonly kind: Kind
  readonly items: number
  readonly concurrency: number
}

export interface Settles {
  settles: number
  settleMs: number
  largestSettle: number
}

const perCall = 1000

/** Fills the queue from a client, a node that is never started, so that nothing runs meanwhile. */
export async function fillCoatcheck({ url, kind, items }: DrainParameters): Promise<object> {
  const { application, processors } = benchApplication(() => {}, 1)
  const node = await createNode({ applications: [application], database: url, http: false })
  reportProblems(node)
  await inBatches(items, perCall, (from, count) => node.enqueueMany(processors[kind], payloads(from, count)))
  await node.stop()
  return {}
}

// Drained is: every partition's watermark has passed all rows of the log, and no lane holds an item.
const isDrained = `
  select not exists (
      select from coatcheck.log l join coatcheck.partition p using (queue, partition)
      where (l.seq + 1) * 4096 > p.watermark
    )
    and not exists (select from coatcheck.waiting_item) and not exists (select from coatcheck.broken_item) as empty`

/** Starts a worker on the filled queue and measures until the last item is settled. */
export async function drainCoatcheck({
  url,
  kind,
  items,
  concurrency,
}: DrainParameters): Promise<DrainResult & Settles> {
  const tally = new Tally(items)
  const { application } = benchApplication((payload) => tally.tick(payload.n), concurrency)
  const node = await createNode({
    applications: [application],
    database: url,
    http: false,
    nodeTypes: ['background'],
  })
  const settles = countSettles(node)
  await node.start()
  const result = await tally.drained(url, isDrained)
  await node.stop()
  if (kind === 'tracked') await expectTracked(url, items)
  return { ...result, ...settles }
}

async function expectTracked(url: string, items: number): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ count: number }>(`
    select count(*)::int as count from coatcheck.tracked_item
    where state = 'succeeded' and input is not null and result is not null`)
  await client.end()
  if (rows[0]?.count !== items)
    throw new Error(`${rows[0]?.count} of ${items} items are tracked with input and result`)
}

function reportProblems(node: Node): void {
  node.events.listen((name, data) => {
    if (name === 'problem') console.error(data)
  })
}

/** How many commits the drain took: a settle never holds more than `maxUnsettled` items. */
function countSettles(node: Node): Settles {
  const settles = { settles: 0, settleMs: 0, largestSettle: 0 }
  reportProblems(node)
  node.events.listen((name, data) => {
    if (name !== 'settle.done') return
    const { items, durationMs } = data as EventMap['settle.done']
    settles.settles++
    settles.settleMs += durationMs
    settles.largestSettle = Math.max(settles.largestSettle, items)
  })
  return settles
}
