import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import { checkTx } from '../base/tx-check.ts'
import type { Tx } from '../base/tx.ts'
import type { EnqueueOptions, Receipt } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { QueueRow } from '../store/topology.ts'
import { putWaiting } from '../store/waiting-items.ts'
import type { Stream } from '../stream/stream.ts'
import { checkOptionNames } from './accept-options.ts'
import { AppendBatch } from './append-batch.ts'
import { AppendRoom } from './append-room.ts'
import type { Backlog } from './backlog.ts'
import type { DatabaseClock } from './database-clock.ts'
import { DebounceBatch } from './debounce-batch.ts'
import { flushLimits, GroupCommit, type Gathering } from './group-commit.ts'
import { sendPlaced } from './place-again.ts'
import { nameItem, prepare, type Asker, type Prepared } from './prepare.ts'
import { chooseQueue } from './queue-choice.ts'
import { sendSurely } from './resend.ts'
import type { Topology } from './topology.ts'
import { UniqueBatch } from './unique-batch.ts'

export interface AcceptOptions extends EnqueueOptions {
  /** Accept in the caller's transaction: the item is there if it commits. */
  readonly tx?: Tx
}

/** An item, and the queue that was chosen for it: once, since who is asked again may say something else. */
export interface Placed {
  readonly queue: QueueRow
  readonly prepared: Prepared
}

interface DelayedBatch extends Gathering {
  size: number
  count: number
  readonly items: string[]
  /** The shortest time until one of them is due. */
  soonestMs: number
}

/** For all appends under way of a node together. */
const maxWaitingSize = 64_000_000
const maxWaitingCalls = 100_000

/** Takes items in: checks them, gives each its id, and answers once they are durable. */
export class Acceptor {
  readonly #database: OpenDatabase
  readonly #stream: Stream
  readonly #topology: Topology
  readonly #clock: DatabaseClock
  readonly #appends: GroupCommit<AppendBatch>
  readonly #delayed: GroupCommit<DelayedBatch>
  readonly #unique: GroupCommit<UniqueBatch>
  readonly #debounced: GroupCommit<DebounceBatch>
  readonly #backlog: Backlog
  readonly #onAccepted: (queue: number, count: number) => void
  /** What is in memory for appends under way. */
  readonly room = new AppendRoom({ maxSize: maxWaitingSize, maxCalls: maxWaitingCalls })

  /**
   * @param onAppended told where items came, once they are durable
   * @param onAccepted told how many new items a queue has
   * @param onAway told once for all callers of a flush that the database did not take, or did not answer
   */
  constructor(parts: {
    database: OpenDatabase
    stream: Stream
    topology: Topology
    clock: DatabaseClock
    backlog: Backlog
    onAppended: (places: readonly { queue: number; partition: number }[]) => void
    onAccepted: (queue: number, count: number) => void
    onAway: (error: unknown) => void
  }) {
    const group = <Batch extends Gathering>(
      create: () => Batch,
      flush: (batch: Batch, waitedMs: number) => Promise<void>,
    ): GroupCommit<Batch> =>
      new GroupCommit(
        create,
        (batch, waitedMs) =>
          flush(batch, waitedMs).catch((error: unknown) => {
            // What it was that had no answer.
            parts.onAway(isCoatcheckError(error, 'OUTCOME_UNKNOWN') ? error.cause : error)
            throw error
          }),
        this.room,
      )
    this.#database = parts.database
    this.#stream = parts.stream
    this.#topology = parts.topology
    this.#clock = parts.clock
    this.#backlog = parts.backlog
    this.#onAccepted = parts.onAccepted
    this.#appends = group(
      () => new AppendBatch(this.#topology, this.#clock.now()),
      async (batch, waitedMs) => {
        const began = performance.now()
        const send = (): Promise<number> => {
          const rows = batch.rows()
          const append = (notAfter: number, timeoutMs: number, again: boolean) =>
            this.#stream.append(rows, { notAfter, timeoutMs, again })
          const passedMs = waitedMs + performance.now() - began
          return sendSurely(this.#clock, append, { size: batch.size, waitedMs: passedMs })
        }
        this.#clock.note(await sendPlaced(this.#topology, undefined, send, () => batch.replace()))
        parts.onAppended(batch.places())
      },
    )
    this.#unique = group(
      () => new UniqueBatch(this.#topology, this.#clock.now()),
      async (batch, waitedMs) => {
        await batch.send(this.#database, this.#clock, waitedMs)
        parts.onAppended(batch.places())
      },
    )
    this.#delayed = group<DelayedBatch>(
      () => ({ size: 0, count: 0, items: [], soonestMs: Infinity }),
      async (batch, waitedMs) => {
        const items = `[${batch.items.join(',')}]`
        await sendSurely(
          this.#clock,
          async (_, timeoutMs) => {
            await putWaiting(this.#database.driver, this.#database.schema, items, timeoutMs)
            return this.#clock.now()
          },
          // Sent again it is left alone where the first is there; but one that became due meanwhile would be taken in twice.
          { size: batch.size, again: batch.soonestMs > 30_000, waitedMs },
        )
      },
    )
    this.#debounced = group(
      () => new DebounceBatch(),
      (batch, waitedMs) => batch.send(this.#database, this.#clock, waitedMs),
    )
  }

  /**
   * Takes an item in.
   * @returns its id; where it might be no new item, a receipt
   */
  async accept(
    definition: Definition,
    input: unknown,
    options: AcceptOptions,
    asker: Asker | undefined,
  ): Promise<QueueItemId | Receipt> {
    const tx = this.#txOf(options)
    const checked = prepare(definition, input, options, asker)
    const prepared = checked instanceof Promise ? await checked : checked
    if (!this.#topology.isLoaded) await this.#topology.load()
    const queue = chooseQueue(this.#topology, prepared)
    this.#backlog.check(queue)
    if (!tx && !prepared.unique && !prepared.due && !prepared.debounce) {
      // what most are: as few promises as can be
      const { added, settled } = this.#appends.put((batch) => ({
        batch,
        at: batch.add(queue, prepared.key, prepared.text),
      }))
      await settled
      this.#onAccepted(queue.number, 1)
      return added.batch.idAt(added.at)
    }
    const answer = await this.#take(tx, queue, prepared)
    // One that was there already is none. What goes with a transaction counts as if that commits.
    if (typeof answer === 'string' || answer.outcome === 'new') this.#onAccepted(queue.number, 1)
    return answer
  }

  async #take(tx: Tx | undefined, queue: QueueRow, prepared: Prepared): Promise<QueueItemId | Receipt> {
    if (prepared.debounce) return this.#acceptDebounced(tx, queue, prepared)
    if (tx) return (await this.#acceptIn(tx, [{ queue, prepared }]))[0] as QueueItemId | Receipt
    if (prepared.unique) {
      const { unique } = prepared
      const place = await this.#unique.add((batch) => ({ batch, at: batch.put(queue, prepared, unique) }))
      return place.batch.receiptAt(place.at)
    }
    return this.#delayed.add((batch) => this.#putDelayed(batch, { queue, prepared }))
  }

  /**
   * All are checked before any is accepted. Up to the limits of a flush they go in one, all or none; more go one flush after the
   * other, in order, up to the first that fails.
   * @throws CoatcheckError with the ids of those before it in `accepted`
   */
  async acceptMany(
    definition: Definition,
    inputs: readonly unknown[],
    options: AcceptOptions,
    context: RequestContext | undefined,
  ): Promise<QueueItemId[]> {
    const tx = this.#txOf(options)
    for (const name of ['uniqueKey', 'debounce'] as const)
      if (options[name] !== undefined)
        throw new CoatcheckError('OPTION_INVALID', `${name} is for one item; call enqueue for each`)
    if (!Array.isArray(inputs))
      throw new CoatcheckError(
        'OPTION_INVALID',
        `inputs is ${showValue(inputs)}; enqueueMany takes an array of them`,
      )
    const prepared: Prepared[] = []
    for (const [at, input] of inputs.entries()) {
      try {
        const checked = prepare(definition, input, options, context)
        prepared.push(checked instanceof Promise ? await checked : checked)
      } catch (error) {
        throw isCoatcheckError(error) ? nameItem(error, at) : error
      }
    }
    if (prepared.length === 0) return []
    await this.#topology.load()
    const placed = prepared.map((one, at) => {
      try {
        return { queue: chooseQueue(this.#topology, one), prepared: one }
      } catch (error) {
        throw isCoatcheckError(error) ? nameItem(error, at) : error
      }
    })
    this.#checkQueues(placed)
    // Without unique keys all of them are new, and there are no receipts.
    if (tx) {
      const all = (await this.#acceptIn(tx, placed)) as QueueItemId[]
      this.#count(placed)
      return all
    }
    const ids: QueueItemId[] = []
    for (const some of inFlushes(placed)) {
      const add = async (): Promise<QueueItemId[]> => {
        // Those before them may have filled it.
        if (ids.length > 0) this.#checkQueues(some)
        return some[0]?.prepared.due ? this.#addDelayed(some) : this.#addPlain(some)
      }
      // One after the other: what was accepted is always the first so many.
      ids.push(...(await add().catch((error: unknown) => failPartly(error, ids, prepared.length))))
      this.#count(some)
    }
    return ids
  }

  #checkQueues(placed: readonly Placed[]): void {
    for (const queue of new Set(placed.map((one) => one.queue))) this.#backlog.check(queue)
  }

  #addDelayed(some: readonly Placed[]): Promise<QueueItemId[]> {
    return this.#delayed.add((batch) => some.map((one) => this.#putDelayed(batch, one)))
  }

  async #addPlain(some: readonly Placed[]): Promise<QueueItemId[]> {
    const place = await this.#appends.add((batch) => ({
      batch,
      all: some.map((one) => batch.add(one.queue, one.prepared.key, one.prepared.text)),
    }))
    return place.all.map((at) => place.batch.idAt(at))
  }

  /** Takes an item in that has been prepared, into the log. */
  async append(placed: Placed, tx?: Tx): Promise<QueueItemId> {
    const [id] = tx ? await this.#acceptIn(tx, [placed]) : await this.#addPlain([placed])
    this.#count([placed])
    return id as QueueItemId
  }

  #count(placed: readonly Placed[]): void {
    for (const { queue } of placed) this.#onAccepted(queue.number, 1)
  }

  /** Waits for what was added, and takes nothing more. */
  async close(): Promise<void> {
    const all = [this.#appends, this.#delayed, this.#unique, this.#debounced]
    await Promise.all(all.map((group) => group.close()))
  }

  #txOf(options: AcceptOptions): Tx | undefined {
    checkOptionNames(options)
    if (options.tx !== undefined) return checkTx(options.tx)
    // The embedded database has one connection: within a transaction, a flush beside it would wait for its end.
    this.#database.driver.checkFree()
    return undefined
  }

  async #acceptDebounced(tx: Tx | undefined, queue: QueueRow, prepared: Prepared): Promise<Receipt> {
    const { debounce } = prepared
    if (!debounce) throw new TypeError('This item has no debounce key')
    if (tx)
      throw new CoatcheckError(
        'OPTION_INVALID',
        'debounce cannot be combined with tx: an open transaction would hold the item that waits, and its partition with it',
      )
    const place = await this.#debounced.add((batch) => ({
      batch,
      at: batch.put(delayedRow(this.#topology, queue, prepared, this.#clock.now()), prepared, debounce),
    }))
    return place.batch.receiptAt(place.at)
  }

  async #acceptIn(tx: Tx, placed: readonly Placed[]): Promise<(QueueItemId | Receipt)[]> {
    const now = this.#clock.now()
    const rows = new AppendBatch(this.#topology, now)
    const delayed: DelayedBatch = { size: 0, count: 0, items: [], soonestMs: Infinity }
    const unique = new UniqueBatch(this.#topology, now)
    const answers = placed.map(({ queue, prepared: one }): (() => QueueItemId | Receipt) => {
      if (one.unique) {
        const at = unique.put(queue, one, one.unique)
        return () => unique.receiptAt(at)
      }
      if (one.due) {
        const id = this.#putDelayed(delayed, { queue, prepared: one })
        return () => id
      }
      const at = rows.add(queue, one.key, one.text)
      return () => rows.idAt(at)
    })
    if (!rows.isEmpty) {
      const append = (): Promise<number> => this.#stream.append(rows.rows(), { tx })
      await sendPlaced(this.#topology, tx, append, (view) => rows.replace(view))
    }
    if (delayed.items.length > 0) await putWaiting(tx, this.#database.schema, `[${delayed.items.join(',')}]`)
    if (!unique.isEmpty) await unique.sendIn(tx, this.#database.schema)
    return answers.map((answer) => answer())
  }

  #putDelayed(batch: DelayedBatch, { queue, prepared }: Placed): QueueItemId {
    const { item, id, waitMs } = delayedRow(this.#topology, queue, prepared, this.#clock.now())
    batch.items.push(item)
    batch.size += item.length
    batch.count++
    batch.soonestMs = Math.min(batch.soonestMs, waitMs)
    return id
  }
}

function* inFlushes(placed: readonly Placed[]): Generator<Placed[]> {
  let some: Placed[] = []
  let size = 0
  for (const one of placed) {
    some.push(one)
    size += one.prepared.text.length
    if (some.length < flushLimits.items && size < flushLimits.size) continue
    yield some
    some = []
    size = 0
  }
  if (some.length > 0) yield some
}

function failPartly(error: unknown, accepted: readonly QueueItemId[], count: number): never {
  if (accepted.length === 0 || !isCoatcheckError(error)) throw error
  const { code, message, retryAfterMs } = error
  throw new CoatcheckError(
    code,
    `the first ${accepted.length} of ${count} items were accepted; of those after them: ${message}`,
    { cause: error, accepted, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  )
}

/** A row of the waiting lane, as `put_waiting` takes it, and the time until it is due. */
export interface DelayedRow {
  readonly item: string
  readonly id: QueueItemId
  readonly waitMs: number
}

/** The row of a delayed item. */
export function delayedRow(topology: Topology, queue: QueueRow, prepared: Prepared, now: number): DelayedRow {
  const { definition, due } = prepared
  const place = topology.placeOf(queue, prepared.key, topology.nextTurn(queue.number))
  const id = topology.nextDelayedId(place, now)
  const item = JSON.stringify({
    id,
    queue: place.queue,
    partition: place.partition,
    definition: definition.id,
    scope: definition.orderScope,
    key: prepared.key,
    state: 'scheduled',
    moves: true,
    ...due,
    entry: prepared.text,
  })
  const waitMs = due === undefined ? 0 : 'delay_ms' in due ? due.delay_ms : due.due_ms - now
  return { item, id, waitMs }
}
