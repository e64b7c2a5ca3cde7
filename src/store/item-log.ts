import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

export interface ItemLogRow {
  readonly at: number
  readonly attempt: number
  readonly event: string
  readonly message: string
  readonly data: string | null
}

const logOf = statement(
  'item-log',
  (schema) => `
  select ${schema}.epoch_ms(at) as at, attempt, event, message, data
  from ${schema}.item_log
  where id = $1
  order by at, attempt
  limit 1000`,
)

/** The first 1,000 lines. */
export async function readItemLog(runner: Runner, schema: string, id: string): Promise<ItemLogRow[]> {
  const rows = await runner.run(logOf(schema), [id])
  return rows as unknown as ItemLogRow[]
}

/** Lines of one kind: all of them, or the first and the last. */
export interface LinesAtEnds {
  readonly first: readonly ItemLogRow[]
  /** None where `first` has all. */
  readonly last: readonly ItemLogRow[]
  /** Between the two. */
  readonly leftOut: { readonly count: number; readonly isAtLeast: boolean }
}

/** All that an item's log says, as far as it can be shown. */
export interface ItemHistory {
  /** What happened to it. */
  readonly events: LinesAtEnds
  /** What its handler wrote. */
  readonly lines: LinesAtEnds
}

// Lines of handlers are many, the others few: neither is to displace the other. The others have an index of their own.
const countOf = (is: '=' | '<>') =>
  statement(
    is === '=' ? 'count-log-lines' : 'count-log-events',
    (schema) => `
  select count(*)::int as lines
  from (select from ${schema}.item_log where id = $1 and event ${is} 'log' limit $2) as l`,
  )

const endOf = (is: '=' | '<>', direction: 'asc' | 'desc') =>
  statement(
    `${is === '=' ? 'log-lines' : 'log-events'}-${direction}`,
    (schema) => `
  select ${schema}.epoch_ms(at) as at, attempt, event, message, data
  from ${schema}.item_log
  where id = $1 and event ${is} 'log'
  order by at ${direction}, attempt ${direction}, ctid ${direction}
  limit $2`,
  )

const eventStatements = { count: countOf('<>'), first: endOf('<>', 'asc'), last: endOf('<>', 'desc') }
const lineStatements = { count: countOf('='), first: endOf('=', 'asc'), last: endOf('=', 'desc') }

const maxCounted = 100_000

/** @param atEnds how many of either kind are read from the beginning, and from the end */
export async function readItemHistory(
  runner: Runner,
  schema: string,
  id: string,
  atEnds: number,
): Promise<ItemHistory> {
  const read = async ({ count, first, last }: typeof eventStatements): Promise<LinesAtEnds> => {
    const [counted] = await runner.run(count(schema), [id, maxCounted])
    const lines = counted?.['lines'] as number
    const isWhole = lines <= 2 * atEnds
    const begin = await runner.run(first(schema), [id, isWhole ? 2 * atEnds : atEnds])
    const end = isWhole ? [] : await runner.run(last(schema), [id, atEnds])
    return {
      first: begin as unknown as ItemLogRow[],
      last: end.toReversed() as unknown as ItemLogRow[],
      leftOut: { count: isWhole ? 0 : lines - 2 * atEnds, isAtLeast: lines === maxCounted },
    }
  }
  return { events: await read(eventStatements), lines: await read(lineStatements) }
}
