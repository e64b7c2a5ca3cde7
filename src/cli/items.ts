import { CoatcheckError } from '../base/errors.ts'
import { Events } from '../base/events.ts'
import { parseItemId } from '../base/ids.ts'
import type { Item, ItemLogEntry } from '../define/item.ts'
import { Lookup } from '../engine/lookup.ts'
import { Topology } from '../engine/topology.ts'
import { openDatabase } from '../store/database.ts'
import { existingDatabase, type DatabaseFlags } from './configuration.ts'
import { plain } from './sentence.ts'

/**
 * `coatcheck items <id>`: shows an item and its log.
 * @throws CoatcheckError `ITEM_NOT_FOUND`, `ITEM_ID_INVALID`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function showItem(
  id: string,
  flags: DatabaseFlags & { readonly json?: boolean },
): Promise<void> {
  const { schema, directory, json } = flags
  parseItemId(id)
  const database = await openDatabase({
    database: existingDatabase(flags),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    // looking must not change anything
    migrate: 'check',
  })
  try {
    const lookup = new Lookup(database, new Topology(database, []), new Map(), new Events())
    const standing = await lookup.standing(id)
    if (!standing)
      throw new CoatcheckError(
        'ITEM_NOT_FOUND',
        `There is no item ${id} in schema "${database.schema}": it was never accepted, its retention is over, or its queue keeps only what failed.`,
      )
    const log = await lookup.log(id)
    console.log(
      json ? JSON.stringify({ ...standing.item, log }, undefined, 2) : showTable(standing.item, log),
    )
  } finally {
    await database.driver.close()
  }
}

function showTable(item: Item, log: readonly ItemLogEntry[]): string {
  const fields: [string, string | undefined][] = [
    ['item', item.id],
    ['state', item.reason ? `${item.state} (${item.reason})` : item.state],
    [item.kind === 'service' ? 'service' : 'processor', item.processor],
    ['queue', item.queue],
    ['key', item.key ?? undefined],
    ['attempts', String(item.attempts)],
    ['enqueued', item.enqueuedAt.toISOString()],
    ['started', item.startedAt?.toISOString()],
    ['ended', item.endedAt?.toISOString()],
    ['due', item.dueAt?.toISOString()],
    ['error', item.error && `${item.error.code}: ${item.error.message}`],
    ['progress', asJson(item.progress)],
    ['correlation', item.context.correlationId],
    ['input', asJson(item.input)],
    ['result', asJson(item.result)],
  ]
  const told = fields.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(13)}${line(value)}`],
  )
  return [...told, ...(log.length === 0 ? [] : ['', ...showLog(log)])].join('\n')
}

function showLog(log: readonly ItemLogEntry[]): string[] {
  const rows = log.map(({ at, attempt, event, message, data }) => [
    at.toISOString(),
    String(attempt),
    event,
    [message, asJson(data)].filter((text) => text !== undefined && text !== '').join('  '),
  ])
  const all = [['at', 'attempt', 'event', 'message'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).trimEnd(),
  )
}

const maxLine = 1000

/** One line of the table: what handlers and callers wrote must not move the cursor or begin lines of its own. */
function line(text: string): string {
  const single = plain(text).replaceAll('\n', ' ')
  return single.length > maxLine ? `${single.slice(0, maxLine)}… (--json shows all)` : single
}

function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}
