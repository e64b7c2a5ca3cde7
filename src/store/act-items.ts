import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'
import type { WaitingState } from './waiting-items.ts'

interface LaneItem {
  readonly version: number
  readonly definition: string
  readonly key: string | undefined
  readonly attempts: number
  /** Bytes of its entry. */
  readonly size: number
  readonly enqueuedAt: number
}

/** Where an item lies that an act is asked for. */
export interface LocatedItem {
  readonly id: string
  readonly broken:
    | (LaneItem & {
        readonly scope: string
        readonly generation: number
        readonly position: number
        /** Nothing of its key starts before a person has decided. */
        readonly blocks: boolean
      })
    | undefined
  readonly waiting:
    | (LaneItem & {
        readonly state: WaitingState
        readonly moves: boolean
        readonly scope: string
        /** Below 0 where it comes from an older generation. */
        readonly position: number | undefined
      })
    | undefined
  readonly tracked: { readonly state: string; readonly ended: boolean } | undefined
  /** Its row of the log, whether or not its position is done. */
  readonly log:
    | { readonly flush: string; readonly seq: number; readonly done: boolean; readonly isHole: boolean }
    | undefined
}

// One statement, one snapshot: separate ones would miss an item on its way from one place to the next. Without the entries,
// of which five hundred may have half a gigabyte.
const locate = statement(
  'locate-items',
  (schema) => `
  select i.id,
    b.version as b_version, b.definition as b_definition, b.key as b_key, b.attempts as b_attempts, octet_length(b.entry) as b_size,
    ${schema}.epoch_ms(b.enqueued_at) as b_enqueued_at, b.scope as b_scope, b.generation as b_generation, b.position as b_position, b.blocks as b_blocks,
    w.version as w_version, w.definition as w_definition, w.key as w_key, w.attempts as w_attempts, octet_length(w.entry) as w_size,
    ${schema}.epoch_ms(w.enqueued_at) as w_enqueued_at, w.state as w_state, w.moves as w_moves, w.scope as w_scope,
    case when w.generation < wp.generation then -1 else w.position end as w_position,
    t.state as t_state, t.ended_at is not null as t_ended,
    l.flush as l_flush, l.seq as l_seq,
    coalesce(p.done @> (l.seq * 4096 + i.index), false) as l_done, h.seq is not null as l_hole
  from unnest($1::uuid[], $2::uuid[], $3::int[]) as i(id, flush, index)
  left join ${schema}.broken_item b on b.id = i.id
  left join ${schema}.waiting_item w on w.id = i.id
  left join ${schema}.partition wp on wp.queue = w.queue and wp.partition = w.partition
  left join ${schema}.tracked_item t on t.id = i.id
  left join ${schema}.log l on l.flush = i.flush
  left join ${schema}.partition p on p.queue = l.queue and p.partition = l.partition
  left join ${schema}.hole h on h.queue = l.queue and h.partition = l.partition and h.seq = l.seq`,
)

/** Where items lie, by id, `flush` of their row and index in it. */
export async function locateItems(
  runner: Runner,
  schema: string,
  items: readonly { readonly id: string; readonly flush: string; readonly index: number }[],
): Promise<Map<string, LocatedItem>> {
  const rows = await runner.run(locate(schema), [
    items.map(({ id }) => id),
    items.map(({ flush }) => flush),
    items.map(({ index }) => index),
  ])
  return new Map(rows.map((row) => [row['id'] as string, toLocated(row)]))
}

const entries = statement(
  'entries-of-items',
  (schema) => `
  select b.id, 'broken' as lane, b.version, b.entry
  from ${schema}.broken_item b
  where b.id = any ($1::uuid[])
  union all
  select w.id, 'waiting', w.version, w.entry
  from ${schema}.waiting_item w
  where w.id = any ($1::uuid[])`,
)

/** What a lane holds of an item, as of a version of its row. */
export interface LaneEntry {
  readonly lane: 'broken' | 'waiting'
  readonly version: number
  readonly text: string
}

/** The entries of items in the lanes, by id. */
export async function readLaneEntries(
  runner: Runner,
  schema: string,
  ids: readonly string[],
): Promise<Map<string, LaneEntry>> {
  const rows = await runner.run(entries(schema), [ids])
  return new Map(
    rows.map((row) => [
      row['id'] as string,
      {
        lane: row['lane'] as LaneEntry['lane'],
        version: Number(row['version']),
        text: row['entry'] as string,
      },
    ]),
  )
}

const logRows = statement(
  'log-rows-of-items',
  (schema) => `
  select l.flush, l.n, ${schema}.epoch_ms(l.at) as at, l.data
  from ${schema}.log l
  where l.flush = any ($1::uuid[])`,
)

/** A row of the log, found by its `flush`. */
export interface FoundLogRow {
  readonly count: number
  readonly at: number
  readonly text: string
}

/** Rows of the log by their `flush`. */
export async function readLogRows(
  runner: Runner,
  schema: string,
  flushes: readonly string[],
): Promise<Map<string, FoundLogRow>> {
  const rows = await runner.run(logRows(schema), [flushes])
  return new Map(
    rows.map((row) => [
      row['flush'] as string,
      { count: row['n'] as number, at: row['at'] as number, text: row['data'] as string },
    ]),
  )
}

function toLocated(row: Row): LocatedItem {
  const broken = laneItem(row, 'b')
  const waiting = laneItem(row, 'w')
  return {
    id: row['id'] as string,
    broken: broken && {
      ...broken,
      scope: row['b_scope'] as string,
      generation: row['b_generation'] as number,
      position: Number(row['b_position']),
      blocks: row['b_blocks'] as boolean,
    },
    waiting: waiting && {
      ...waiting,
      state: row['w_state'] as WaitingState,
      moves: row['w_moves'] as boolean,
      scope: row['w_scope'] as string,
      position: row['w_position'] === null ? undefined : Number(row['w_position']),
    },
    tracked:
      row['t_state'] === null
        ? undefined
        : { state: row['t_state'] as string, ended: row['t_ended'] as boolean },
    log:
      row['l_flush'] === null
        ? undefined
        : {
            flush: row['l_flush'] as string,
            seq: Number(row['l_seq']),
            done: row['l_done'] as boolean,
            isHole: row['l_hole'] as boolean,
          },
  }
}

function laneItem(row: Row, lane: 'b' | 'w'): LaneItem | undefined {
  if (row[`${lane}_version`] === null) return undefined
  return {
    version: Number(row[`${lane}_version`]),
    definition: row[`${lane}_definition`] as string,
    key: (row[`${lane}_key`] as string | null) ?? undefined,
    attempts: row[`${lane}_attempts`] as number,
    size: row[`${lane}_size`] as number,
    enqueuedAt: row[`${lane}_enqueued_at`] as number,
  }
}
