import type { Tx } from '../base/tx.ts'
import { isPartitionsChanged } from '../store/partitions-changed.ts'
import { AppendBatch } from './append-batch.ts'
import { moveEntry, type Entry } from './entry.ts'
import type { Topology } from './topology.ts'

/** Somebody would have to change the partitions as often while one flush is sent. */
const tries = 5

/**
 * Sends what counts with the partitions of queues; where they have changed it is placed by what they are now and sent again.
 * @param tx the transaction that it is sent in: then the partitions are read as that sees them
 * @param place told of the topology by which all is to be placed anew
 */
export async function sendPlaced<Answer>(
  topology: Topology,
  tx: Tx | undefined,
  send: () => Promise<Answer>,
  place: (topology: Topology) => void,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (!isPartitionsChanged(error) || attempt === tries) throw error
      if (!tx) await topology.refresh()
      place(tx ? await topology.viewOf(tx) : topology)
    }
  }
}

/** Items that go into the log under ids that do not lead there: tracked, they are found all the same. */
export interface MovedItems {
  readonly rows: AppendBatch
  /** Rows of tracked items, by id. */
  readonly tracked: ReadonlyMap<string, string>
}

/** The same items for the partitions that are there now, with the ids that somebody has been told already. */
export function moveItems(batch: AppendBatch, topology: Topology, now: number): MovedItems {
  const rows = new AppendBatch(topology, now)
  const tracked = new Map<string, string>()
  for (const { id, queue: number, key, text } of batch.items()) {
    const queue = topology.byNumber(number)
    if (!queue) continue
    rows.put(queue, key, moveEntry(text, id, now, 0))
    const { d, c, i } = JSON.parse(text) as Entry
    tracked.set(
      id,
      JSON.stringify({ id, q: number, d, k: key ?? undefined, state: 'ready', a: 0, e: now, c, i }),
    )
  }
  return { rows, tracked }
}
