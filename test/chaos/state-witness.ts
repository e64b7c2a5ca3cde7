import type { Client } from 'pg'
import { connectAdmin } from './admin.ts'
import { finalStates, type ByState } from './check-states.ts'

export interface Standing {
  /** Accepted items that the database does not call succeeded. */
  readonly open: number
  /** Accepted items that have succeeded and had another number of attempts than one. */
  readonly tried: number
  /** Items that are there more than once: with another id, and the same key and number. */
  readonly twice: number
  /** Accepted items by what is tracked of them; `untracked` are those of which nothing is yet. */
  readonly byState: ByState
  /** Accepted items of which any table has something. */
  readonly isThere: number
  /** Those that have not ended, and are there: their ids. */
  readonly openIds: ReadonlySet<string>
}

/** What the console tells of all queues, counted anew. */
export interface ConsoleCounts {
  /** Accepted and not ended. */
  readonly waiting: number
  /** In the waiting lane, and broken. */
  readonly inLane: number
  readonly broken: number
}

/** Of how many items one statement asks. */
const idsAtOnce = 20_000
const timeoutMs = 300_000

// Where an item is that nobody tracks yet: in a lane, or in the row of the log that its id leads to.
const inLog = `(
  select true from coatcheck.log l
  where l.flush = (substr(i.id::text, 1, 33) || '000')::uuid and ('x' || substr(i.id::text, 34))::bit(12)::int < l.n
)`
const found = `coalesce(t.state, b.state, w.state, case when ${inLog} then 'ready' end)`
const tables = `
  left join coatcheck.tracked_item t on t.id = i.id
  left join (select id, 'broken' as state from coatcheck.broken_item) b on b.id = i.id
  left join coatcheck.waiting_item w on w.id = i.id`

// All in one snapshot. What is done is tracked or in a lane; what is not is in the log from where all before it is done.
// A long `done` is compressed: it is unpacked once, not for each item.
const countAll = `
  with part as materialized (
    select queue, partition, watermark, done + '{}'::int8multirange as done from coatcheck.partition
  ), pending as (
    select coalesce((e.entry ->> 'id')::uuid, (substr(l.flush::text, 1, 33) || lpad(to_hex((e.n - 1)::int), 3, '0'))::uuid) as id
    from part p
    join coatcheck.log l on l.queue = p.queue and l.partition = p.partition and l.seq >= p.watermark / 4096
    cross join lateral json_array_elements(l.data::json) with ordinality as e(entry, n)
    where e.entry::text <> 'null' and not p.done @> (l.seq * 4096 + e.n - 1)
    union
    select coalesce((e.entry ->> 'id')::uuid, (substr(l.flush::text, 1, 33) || lpad(to_hex((e.n - 1)::int), 3, '0'))::uuid)
    from coatcheck.hole h
    join coatcheck.log l using (queue, partition, seq)
    cross join lateral json_array_elements(l.data::json) with ordinality as e(entry, n)
    where e.entry::text <> 'null'
    union
    select id from coatcheck.waiting_item
    union
    select id from coatcheck.broken_item
  )
  select state, count(*)::int as items from coatcheck.tracked_item group by state
  union all
  select 'untracked', count(*)::int from pending
  where not exists (select from coatcheck.tracked_item t where t.id = pending.id)`

/** The database as a witness of the states of items: plain SQL over connections of its own, past all that is made bad. */
export class StateWitness {
  readonly #database: string
  /** A connection for each question at a time: counting all takes long, and nobody waits for it. */
  readonly #idle = new Set<Client>()

  constructor(database: string) {
    this.#database = database
  }

  /** In which states items are; undefined of those that are nowhere. */
  async look(ids: readonly string[]): Promise<(string | undefined)[]> {
    const rows = await this.#ask(
      `select ${found} as state from unnest($1::uuid[]) with ordinality as i(id, nth) ${tables} order by i.nth`,
      [ids],
    )
    return rows.map((row) => (row['state'] as string | null) ?? undefined)
  }

  /** All items that there are, by state, whoever handed them over. */
  async count(): Promise<ByState> {
    const rows = await this.#ask(countAll)
    return Object.fromEntries(
      (rows as { state: string; items: number }[])
        .filter(({ items }) => items > 0)
        .map(({ state, items }) => [state, items]),
    )
  }

  /** How many items have ended, whoever handed them over. */
  async ended(): Promise<number> {
    const [row] = await this.#ask(
      'select count(*)::int as items from coatcheck.tracked_item where state = any ($1)',
      [[...finalStates]],
    )
    return row?.['items'] as number
  }

  /** What it says of these items, looked up one by one. */
  async standing(ids: readonly string[]): Promise<Standing> {
    const byState: Record<string, number> = {}
    const openIds = new Set<string>()
    let tried = 0
    let isThere = 0
    for (let at = 0; at < ids.length; at += idsAtOnce) {
      const rows = await this.#ask(
        `select coalesce(t.state, 'untracked') as state, count(*)::int as items,
           count(*) filter (where t.attempts <> 1)::int as tried,
           count(*) filter (where t.id is not null or ${found} is not null)::int as is_there,
           array_agg(i.id::text) filter (where coalesce(t.state, 'untracked') <> all ($2) and ${found} is not null) as open
         from unnest($1::uuid[]) as i(id) ${tables}
         group by 1`,
        [ids.slice(at, at + idsAtOnce), [...finalStates]],
      )
      for (const row of rows as {
        state: string
        items: number
        tried: number
        is_there: number
        open: string[] | null
      }[]) {
        byState[row.state] = (byState[row.state] ?? 0) + row.items
        tried += row.tried
        isThere += row.is_there
        for (const id of row.open ?? []) openIds.add(id)
      }
    }
    const [row] = await this.#ask(
      `select count(*)::int as twice from (select from coatcheck.tracked_item group by input having count(*) > 1) as many`,
    )
    const twice = row?.['twice'] as number
    return { twice, open: ids.length - (byState['succeeded'] ?? 0), tried, byState, isThere, openIds }
  }

  /** Has the tables counted that the console shows, as it does itself, and reads them. */
  async consoleCounts(): Promise<ConsoleCounts> {
    await this.#ask(
      'select coatcheck.count_lanes(), (select count(*) from coatcheck.count_backlog(array(select number from coatcheck.queue)))',
    )
    const [row] = await this.#ask(
      `select (select coalesce(sum(waiting), 0)::int from coatcheck.backlog) as waiting,
         (select coalesce(sum(n), 0)::int from coatcheck.queue_count where state <> 'broken') as in_lane,
         (select coalesce(sum(n), 0)::int from coatcheck.queue_count where state = 'broken') as broken`,
    )
    return row
      ? {
          waiting: row['waiting'] as number,
          inLane: row['in_lane'] as number,
          broken: row['broken'] as number,
        }
      : { waiting: 0, inLane: 0, broken: 0 }
  }

  /** What the lanes hold, counted row by row. */
  async lanes(): Promise<Pick<ConsoleCounts, 'inLane' | 'broken'>> {
    const [row] = await this.#ask(
      `select (select count(*)::int from coatcheck.waiting_item) as waiting, (select count(*)::int from coatcheck.broken_item) as broken`,
    )
    return { inLane: row?.['waiting'] as number, broken: row?.['broken'] as number }
  }

  async close(): Promise<void> {
    const clients = [...this.#idle]
    this.#idle.clear()
    await Promise.all(clients.map((client) => client.end()))
  }

  async #ask(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    // One that was idle may have lost its server since: then another one is asked.
    for (const client of this.#idle) {
      this.#idle.delete(client)
      const rows = await this.#askOver(client, text, values).catch(() => undefined)
      if (rows) return rows
    }
    return this.#askOver(await connectAdmin(this.#database, timeoutMs), text, values)
  }

  async #askOver(client: Client, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, values)
      this.#idle.add(client)
      return rows
    } catch (error) {
      void client.end().catch(() => {})
      throw error
    }
  }
}
