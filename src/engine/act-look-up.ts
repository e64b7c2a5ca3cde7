import { parseItemId, rowIdOf } from '../base/ids.ts'
import { locateItems, readLaneEntries, type LaneEntry, type LocatedItem } from '../store/act-items.ts'
import type { OpenAct } from '../store/acts.ts'
import type { OpenDatabase } from '../store/database.ts'
import { isOnlyInLog, readLogItems } from './act-log-items.ts'
import type { LogItem } from './act-note.ts'

/** Characters that acts carry into settles at once, about: a settle of any number of items must end in time. */
export const maxCarriedSize = 4_000_000

/** What the database says of the items that acts are asked for. */
export interface LookedUp {
  readonly located: ReadonlyMap<string, LocatedItem>
  /** What the lanes hold of those whose acts need it, as far as there is room. */
  readonly entries: ReadonlyMap<string, LaneEntry>
  /** Items that the log holds and nobody has read, as far as they were looked at; undefined: its row does not have it. */
  readonly logItems: ReadonlyMap<string, LogItem | undefined>
}

/** Whether an act on a row of the lanes needs what the item holds. */
export function needsEntry({ kind }: OpenAct): boolean {
  return kind !== 'defer' && kind !== 'resume'
}

/**
 * Looks up the items of acts.
 * @param room characters of items; the first one is read however long it is
 * @param mayTake whether an item that only the log holds could be taken out of it now
 */
export async function lookUpItems(
  database: OpenDatabase,
  acts: readonly OpenAct[],
  room: number,
  mayTake: (act: OpenAct, item: LocatedItem) => boolean,
): Promise<LookedUp> {
  if (acts.length === 0) return { located: new Map(), entries: new Map(), logItems: new Map() }
  const { driver, schema } = database
  const located = await locateItems(
    driver,
    schema,
    acts.map(({ item }) => ({ id: item, flush: rowIdOf(item), index: parseItemId(item).index })),
  )
  const inLanes: string[] = []
  const inLog: LocatedItem[] = []
  let left = room
  for (const act of acts) {
    const item = located.get(act.item)
    const row = item?.broken ?? item?.waiting
    if (row && needsEntry(act) && left > 0) {
      inLanes.push(act.item)
      left -= row.size
    }
    if (item && isOnlyInLog(item) && mayTake(act, item)) inLog.push(item)
  }
  return {
    located,
    entries: inLanes.length === 0 ? new Map() : await readLaneEntries(driver, schema, inLanes),
    logItems: await readLogItems(database, inLog),
  }
}
