import { itemsPerRow, parseItemId } from '../base/ids.ts'
import { readLogRows, type LocatedItem } from '../store/act-items.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { LogItem } from './act-note.ts'
import type { Entry } from './entry.ts'

const rowsAtOnce = 8
/** Characters of the rows of one look, about: a row may have megabytes. */
const maxRead = 32_000_000

/**
 * What the log holds of items that are nowhere else and not done, by id; undefined where the row does not have the item. Those
 * that are left out were not looked at: there is no room for them, or their row has gone meanwhile.
 */
export async function readLogItems(
  database: OpenDatabase,
  located: readonly LocatedItem[],
): Promise<Map<string, LogItem | undefined>> {
  const byRow = [...Map.groupBy(located, ({ log }) => log?.flush as string)]
  const items = new Map<string, LogItem | undefined>()
  let read = 0
  for (let at = 0; at < byRow.length && read < maxRead; at += rowsAtOnce) {
    const some = byRow.slice(at, at + rowsAtOnce)
    const rows = await readLogRows(
      database.driver,
      database.schema,
      some.map(([flush]) => flush),
    )
    for (const [flush, group] of some) {
      const row = rows.get(flush)
      const place = group[0]?.log
      if (!row || !place) continue
      read += row.text.length
      const ids = group.map(({ id }) => id)
      for (const [id, item] of logItemsOf(ids, place, row)) items.set(id, item)
    }
  }
  return items
}

/** Whether its row of the log is all that there is of an item, and not done. */
export function isOnlyInLog({ log, broken, waiting, tracked }: LocatedItem): boolean {
  return log !== undefined && !log.done && !log.isHole && !broken && !waiting && !tracked?.ended
}

/** Takes the items out of a row of the log that are asked for; undefined for one that it does not have. */
function logItemsOf(
  ids: readonly string[],
  row: { readonly flush: string; readonly seq: number },
  found: { readonly count: number; readonly at: number; readonly text: string },
): [string, LogItem | undefined][] {
  const entries = JSON.parse(found.text) as (Entry | null)[]
  const base = row.seq * itemsPerRow
  return ids.map((id) => {
    const { index } = parseItemId(id)
    const entry = entries[index]
    // Its unique key was there: it was never accepted.
    if (!entry) return [id, undefined]
    const start = base + index
    // The row's last item reaches to the next row.
    const end = index === found.count - 1 ? base + itemsPerRow : start + 1
    return [id, { entry, at: found.at, range: { start, end } }]
  })
}
