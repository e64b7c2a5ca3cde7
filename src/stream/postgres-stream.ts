import type { Tx } from '../base/tx.ts'
import type { OpenDatabase } from '../store/database.ts'
import { acceptDeadlines, type Row, type Statement } from '../store/driver.ts'
import { partitionsChanged } from '../store/partitions-changed.ts'
import { statement } from '../store/statement.ts'
import { rowsAtOnce } from './stream.ts'
import type { AppendRow, Hole, HoleVerdict, ReadRequest, Stream, StreamRow } from './stream.ts'

const append = statement(
  'append',
  (schema) => `
  select ${schema}.append_rows(
    $1::int[], $2::int[], $3::int[], $4::uuid[], $5::int[], $6::text[], $7::float8, $8::boolean) as clock`,
)

// The budget counts whole rows by their running size, so that a few large ones do not come all at once.
const read = statement(
  'read-log',
  (schema) => `
  select l.queue, l.partition, l.seq, l.flush, l.n, ${schema}.epoch_ms(l.at) as at, l.data
  from json_to_recordset($1) as w(queue int, partition int, "from" bigint)
  cross join lateral (
    select sized.*, sum(octet_length(sized.data)) over (order by sized.seq) - octet_length(sized.data) as bytes_before,
      sum(sized.n) over (order by sized.seq) - sized.n as items_before
    from (
      select * from ${schema}.log
      where log.queue = w.queue and log.partition = w.partition and log.seq >= w."from"
      order by log.seq
      limit $2
    ) as sized
  ) as l
  where l.bytes_before < $4 and l.items_before < $3
  order by l.queue, l.partition, l.seq`,
)

const mark = statement(
  'mark-holes',
  () => `
  select pg_current_xact_id()::text as mark`,
)

// One statement, so one snapshot: the row is not in it and every transaction older than the mark has ended. Then none comes.
// A transaction may have filled many at once: whole rows come as far as the limits go, the first one in any case. Their sizes
// are known without reading them.
const judge = statement(
  'judge-holes',
  (schema) => `
  select w.queue, w.partition, w.seq, w.flush, w.n, ${schema}.epoch_ms(w.at) as at, w.ended,
    case when w.items <= $2 and w.bytes <= $3 or w.rows = 1 and $2 > 0 then w.data end as data
  from (
    select h.queue, h.partition, h.seq, h.nth, l.flush, l.n, l.at, l.data,
      count(l.flush) over so_far as rows, sum(l.n) over so_far as items, sum(octet_length(l.data)) over so_far as bytes,
      pg_snapshot_xmin(pg_current_snapshot()) >= h.mark::xid8 as ended
    from rows from (json_to_recordset($1) as (queue int, partition int, seq bigint, mark text))
      with ordinality as h(queue, partition, seq, mark, nth)
    left join ${schema}.log l using (queue, partition, seq)
    window so_far as (order by h.nth)
  ) as w
  order by w.nth`,
)

const notify = statement(
  'hint',
  () => `
  select pg_notify($1, $2)`,
)

// As an array, so that it is read once: within "in (…)" a plan made while the table was empty reads it again for each row.
const trim = statement(
  'trim-log',
  (schema) => `
  with gone as (
    delete from ${schema}.log
    where ctid = any (array(
      select l.ctid
      from ${schema}.log l
      where l.queue = $1 and l.partition = $2 and l.seq < $3
        and l.at < (select ${schema}.clock()) - interval '2 minutes'
        and not exists (
          select from ${schema}.hole h where h.queue = l.queue and h.partition = l.partition and h.seq = l.seq
        )
      order by l.seq
      limit $4
    ))
    returning 1
  )
  select count(*)::int as rows from gone`,
)

/** Between two hints: a NOTIFY takes a lock on the whole database at commit. */
const hintGapMs = { least: 3, most: 10 }
/** Hints take at most one part in so many of the time, within these bounds: where all is busy they would cost what they save. */
const hintShare = 10
/** Behind a place that has no owner now. A node that does not know it reads no number, finds no such partition, and looks as well. */
const freeMark = '!'
/** Rows of an append whose texts are parameters of their own. */
const maxPlainRows = 32

/** The stream in PostgreSQL: `log`, one row per flush and partition. */
export class PostgresStream implements Stream {
  readonly #database: OpenDatabase
  readonly #channel: string
  readonly #hints = new Set<string>()
  #hintTimer: NodeJS.Timeout | undefined
  #lastHint = -Infinity
  #hintGapMs = hintGapMs.least
  #sending: Promise<void> | undefined

  constructor(database: OpenDatabase) {
    this.#database = database
    this.#channel = `${database.schema}_hint`
  }

  async append(
    rows: readonly AppendRow[],
    options: { tx?: Tx; notAfter?: number; timeoutMs?: number; again?: boolean } = {},
  ): Promise<number> {
    const { schema, driver } = this.#database
    const values = [...appendArguments(rows), options.notAfter ?? null, options.again ?? false]
    if (options.tx) {
      const result = await options.tx.query(append(schema).text, values)
      return readClock(result.rows[0] as Row | undefined)
    }
    const deadline = options.timeoutMs === undefined ? {} : acceptDeadlines(options.timeoutMs)
    const [row] = await driver.run(...plainAppend(schema, rows, values), deadline)
    return readClock(row)
  }

  async read(
    requests: readonly ReadRequest[],
    limits: { items: number; bytes: number },
  ): Promise<StreamRow[]> {
    const { schema, driver } = this.#database
    const rows = await driver.run(read(schema), [
      JSON.stringify(requests),
      rowsAtOnce,
      Math.ceil(limits.items / requests.length),
      Math.ceil(limits.bytes / requests.length),
    ])
    return rows.map(toStreamRow)
  }

  async markHoles(): Promise<string> {
    const [row] = await this.#database.driver.run(mark(this.#database.schema))
    return row?.['mark'] as string
  }

  async judgeHoles(
    holes: readonly Hole[],
    limits: { readonly items: number; readonly bytes: number },
  ): Promise<HoleVerdict[]> {
    const { schema, driver } = this.#database
    const rows = await driver.run(judge(schema), [JSON.stringify(holes), limits.items, limits.bytes])
    return rows.map((row) => {
      const place = {
        queue: row['queue'] as number,
        partition: row['partition'] as number,
        seq: Number(row['seq']),
      }
      if (row['data'] !== null) return { ...place, state: 'filled' as const, row: toStreamRow(row) }
      if (row['flush'] !== null) return { ...place, state: 'filled' as const }
      return { ...place, state: row['ended'] === true ? ('dead' as const) : ('open' as const) }
    })
  }

  // A NOTIFY takes a lock on the whole database at commit, so hints are gathered, and never ride in an append's transaction.
  hint(places: readonly { queue: number; partition: number }[], free = false): void {
    for (const place of places) this.#hints.add(`${place.queue}/${place.partition}${free ? freeMark : ''}`)
    if (this.#hintTimer || this.#sending || this.#hints.size === 0) return
    const sinceLast = performance.now() - this.#lastHint
    this.#hintTimer = setTimeout(() => this.#beginSending(), Math.max(0, this.#hintGapMs - sinceLast))
    this.#hintTimer.unref()
  }

  #beginSending(): void {
    this.#sending = this.#sendHints().then(() => {
      this.#sending = undefined
      this.hint([])
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#hintTimer)
    await this.#sending
    await this.#sendHints()
  }

  // One in flight: those that come meanwhile go with the next.
  async #sendHints(): Promise<void> {
    this.#hintTimer = undefined
    if (this.#hints.size === 0) return
    const payload = [...this.#hints].slice(0, 500).join(' ')
    this.#hints.clear()
    const began = performance.now()
    try {
      await this.#database.driver.run(notify(this.#database.schema), [this.#channel, payload])
    } catch {
      // Only a hint: owners poll at least once a second.
    }
    this.#lastHint = performance.now()
    const tookMs = this.#lastHint - began
    this.#hintGapMs = Math.min(hintGapMs.most, Math.max(hintGapMs.least, tookMs * hintShare))
  }

  async onHint(
    listener: (queue: number, partition: number, free: boolean) => void,
  ): Promise<() => Promise<void>> {
    const stop = await this.#database.driver.listen(this.#channel, (payload) => {
      for (const place of payload.split(' ')) {
        const free = place.endsWith(freeMark)
        const [queue, partition] = (free ? place.slice(0, -freeMark.length) : place).split('/').map(Number)
        if (queue !== undefined && partition !== undefined) listener(queue, partition, free)
      }
    })
    return stop ?? (async () => {})
  }

  async trim(queue: number, partition: number, before: number, limit: number): Promise<number> {
    const { schema, driver } = this.#database
    const [row] = await driver.run(trim(schema), [queue, partition, before, limit])
    return row?.['rows'] as number
  }
}

// As an element of an array parameter each text would be escaped, byte by byte; as a parameter it goes as it is.
const plainAppends = Array.from({ length: maxPlainRows + 1 }, (_, count) =>
  statement(
    `append-${count}`,
    (schema) => `
  select ${schema}.append_rows(
    $1::int[], $2::int[], $3::int[], $4::uuid[], $5::int[],
    array[${Array.from({ length: count }, (_, at) => `$${at + 8}::text`).join(', ')}], $6::float8, $7::boolean) as clock`,
  ),
)

function plainAppend(schema: string, rows: readonly AppendRow[], values: unknown[]): [Statement, unknown[]] {
  const plain = plainAppends[rows.length]
  if (!plain) return [append(schema), values]
  const [queues, partitions, generations, flushes, counts, texts, notAfter, again] = values
  return [
    plain(schema),
    [queues, partitions, generations, flushes, counts, notAfter, again, ...(texts as string[])],
  ]
}

function readClock(row: Row | undefined): number {
  const clock = row?.['clock'] ?? null
  if (clock === null) throw partitionsChanged()
  return Number(clock)
}

/** The arguments of the SQL function `append`, for callers that run it inside a statement of their own. */
export function appendArguments(rows: readonly AppendRow[]): unknown[] {
  return [
    rows.map((row) => row.queue),
    rows.map((row) => row.partition),
    rows.map((row) => row.generation),
    rows.map((row) => row.flush),
    rows.map((row) => row.count),
    rows.map((row) => row.text),
  ]
}

function toStreamRow(row: Row): StreamRow {
  return {
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    seq: Number(row['seq']),
    flush: row['flush'] as string,
    count: row['n'] as number,
    at: row['at'] as number,
    text: row['data'] as string,
  }
}
