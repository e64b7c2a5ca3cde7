import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { createRowId, type QueueItemId } from '../base/ids.ts'
import { writeJson } from '../base/json.ts'
import { checkKey } from '../base/key.ts'
import { showValue } from '../base/shown-value.ts'
import { checkTx } from '../base/tx-check.ts'
import type { Tx } from '../base/tx.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { putWaiting } from '../store/waiting-items.ts'
import type { Stream } from '../stream/stream.ts'
import { checkOptionNames, readOptions, type ReadOptions } from './accept-options.ts'
import { AppendBatch } from './append-batch.ts'
import type { DatabaseClock } from './database-clock.ts'
import { writeEntry } from './entry.ts'
import { GroupCommit, type Gathering } from './group-commit.ts'
import { sendSurely } from './resend.ts'
import type { Topology } from './topology.ts'
import { UniqueBatch } from './unique-batch.ts'

export interface AcceptOptions extends EnqueueOptions {
  /** Accept in the caller's transaction: the item is there if it commits. */
  readonly tx?: Tx
}

/** An item that has passed all checks and is not accepted yet. */
export interface Prepared {
  readonly definition: Definition
  readonly key: string | null
  readonly text: string
  readonly due: ReadOptions['due']
  readonly uniqueKey: string | undefined
}

interface DelayedBatch extends Gathering {
  size: number
  readonly items: string[]
  /** The shortest time until one of them is due. */
  soonestMs: number
}

const maxWaitingSize = 64_000_000

/** Takes items in: checks them, gives each its id, and answers once they are durable. */
export class Acceptor {
  readonly #database: OpenDatabase
  readonly #stream: Stream
  readonly #topology: Topology
  readonly #clock: DatabaseClock
  readonly #appends: GroupCommit<AppendBatch>
  readonly #delayed: GroupCommit<DelayedBatch>
  readonly #unique: GroupCommit<UniqueBatch>

  /** @param onAppended told where items came, once they are durable */
  constructor(parts: {
    database: OpenDatabase
    stream: Stream
    topology: Topology
    clock: DatabaseClock
    onAppended: (places: readonly { queue: number; partition: number }[]) => void
  }) {
    this.#database = parts.database
    this.#stream = parts.stream
    this.#topology = parts.topology
    this.#clock = parts.clock
    this.#appends = new GroupCommit(
      () => new AppendBatch(this.#topology, this.#clock.now()),
      async (batch) => {
        const rows = batch.rows()
        this.#clock.note(await sendSurely(this.#clock, (notAfter) => this.#stream.append(rows, { notAfter })))
        parts.onAppended(rows)
      },
      maxWaitingSize,
    )
    this.#unique = new GroupCommit(
      () => new UniqueBatch(this.#topology, this.#clock.now()),
      async (batch) => {
        await batch.send(this.#database, this.#clock)
        parts.onAppended(batch.places())
      },
      maxWaitingSize,
    )
    this.#delayed = new GroupCommit<DelayedBatch>(
      () => ({ size: 0, items: [], soonestMs: Infinity }),
      async (batch) => {
        const items = `[${batch.items.join(',')}]`
        // Sent again it is left alone where the first is there; but one that became due meanwhile would be taken in twice.
        const resendMs = batch.soonestMs > 30_000 ? undefined : 0
        await sendSurely(
          this.#clock,
          async () => {
            await putWaiting(this.#database.driver, this.#database.schema, items)
            return this.#clock.now()
          },
          resendMs,
        )
      },
      maxWaitingSize,
    )
  }

  async accept(
    definition: Definition,
    input: unknown,
    options: AcceptOptions,
    context: RequestContext | undefined,
  ): Promise<QueueItemId> {
    const tx = this.#txOf(options)
    const checked = prepare(definition, input, options, context)
    const prepared = checked instanceof Promise ? await checked : checked
    await this.#topology.load()
    const queue = this.#topology.queueOf(definition)
    if (tx) return (await this.#acceptIn(tx, [prepared]))[0] as QueueItemId
    if (prepared.uniqueKey !== undefined) {
      const place = await this.#unique.add((batch) => ({
        batch,
        at: batch.put(queue, prepared, prepared.uniqueKey as string),
      }))
      return place.batch.idAt(place.at)
    }
    if (prepared.due) return this.#delayed.add((batch) => this.#putDelayed(batch, prepared))
    return this.#appends.add((batch) => batch.put(queue, prepared.key, prepared.text))
  }

  /** All are checked before any is accepted; they go in one flush, all or none. */
  async acceptMany(
    definition: Definition,
    inputs: readonly unknown[],
    options: AcceptOptions,
    context: RequestContext | undefined,
  ): Promise<QueueItemId[]> {
    const tx = this.#txOf(options)
    if (options.uniqueKey !== undefined)
      throw new CoatcheckError('OPTION_INVALID', 'uniqueKey is one key for one item; call enqueue for each')
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
    const queue = this.#topology.queueOf(definition)
    if (tx) return this.#acceptIn(tx, prepared)
    if (prepared[0]?.due)
      return this.#delayed.add((batch) => prepared.map((one) => this.#putDelayed(batch, one)))
    return this.#appends.add((batch) => prepared.map((one) => batch.put(queue, one.key, one.text)))
  }

  /** Waits for what was added, and takes nothing more. */
  async close(): Promise<void> {
    await Promise.all([this.#appends.close(), this.#delayed.close(), this.#unique.close()])
  }

  #txOf(options: AcceptOptions): Tx | undefined {
    checkOptionNames(options)
    if (options.tx !== undefined) return checkTx(options.tx)
    // The embedded database has one connection: within a transaction, a flush beside it would wait for its end.
    this.#database.driver.checkFree()
    return undefined
  }

  async #acceptIn(tx: Tx, prepared: readonly Prepared[]): Promise<QueueItemId[]> {
    const now = this.#clock.now()
    const rows = new AppendBatch(this.#topology, now)
    const delayed: DelayedBatch = { size: 0, items: [], soonestMs: Infinity }
    const unique = new UniqueBatch(this.#topology, now)
    const ids = prepared.map((one) => {
      const queue = this.#topology.queueOf(one.definition)
      if (one.uniqueKey !== undefined) return unique.put(queue, one, one.uniqueKey)
      return one.due ? this.#putDelayed(delayed, one) : rows.put(queue, one.key, one.text)
    })
    if (!rows.isEmpty) await this.#stream.append(rows.rows(), { tx })
    if (delayed.items.length > 0) await putWaiting(tx, this.#database.schema, `[${delayed.items.join(',')}]`)
    if (!unique.isEmpty) await unique.sendIn(tx, this.#database.schema)
    return ids.map((id) => (typeof id === 'number' ? unique.idAt(id) : id))
  }

  #putDelayed(batch: DelayedBatch, prepared: Prepared): QueueItemId {
    const { item, id, waitMs } = delayedRow(this.#topology, prepared, this.#clock.now())
    batch.items.push(item)
    batch.size += item.length
    batch.soonestMs = Math.min(batch.soonestMs, waitMs)
    return id
  }
}

/** A row of the waiting lane for a delayed item, as `put_waiting` takes it. */
export function delayedRow(
  topology: Topology,
  prepared: Prepared,
  now: number,
): { item: string; id: QueueItemId; waitMs: number } {
  const { definition, due } = prepared
  const queue = topology.queueOf(definition)
  const place = topology.placeOf(queue, prepared.key, topology.nextTurn(queue.number))
  const id = createRowId(place.queue, place.partition, now)
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

/**
 * Checks an input for a definition, as everything that is to be accepted is checked.
 * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `KEY_INVALID`, `OPTION_INVALID`
 */
export function prepare(
  definition: Definition,
  input: unknown,
  options: EnqueueOptions,
  context: RequestContext | undefined,
): Prepared | Promise<Prepared> {
  const written = writeJson(input, {
    maxBytes: definition.maxPayloadBytes,
    what: `the payload of ${definition.name}`,
  })
  const { due, uniqueKey, context: given } = readOptions(options)
  const merged = given ? { ...context, ...given } : context
  const checked = definition.input['~standard'].validate(written.value)
  if (checked instanceof Promise) return checked.then((result) => finish(result))
  return finish(checked)

  function finish(result: Awaited<typeof checked>): Prepared {
    if (result.issues) throw invalidPayload(definition, result.issues)
    const key = definition.key ? keyOf(definition, result.value) : null
    return { definition, key, text: writeEntry(definition.id, key, written.text, merged), due, uniqueKey }
  }
}

function keyOf(definition: Definition, value: unknown): string {
  let computed: unknown
  try {
    computed = definition.key?.(value)
  } catch (error) {
    throw new CoatcheckError(
      'KEY_INVALID',
      `key of ${definition.name} threw: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
  const key = checkKey(computed)
  if (key === null)
    throw new CoatcheckError(
      'KEY_INVALID',
      `key of ${definition.name} is ${String(computed)} for this input; every item of it needs one, since items of one key run in order`,
    )
  return key
}

type Issues = readonly {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}[]

/** What a schema found, as one error that names each place. */
export function invalidPayload(definition: Definition, issues: Issues): CoatcheckError {
  const errors = issues.map((issue) => ({ detail: issue.message, pointer: toPointer(issue.path ?? []) }))
  const told = errors
    .slice(0, 5)
    .map((error) => (error.pointer === '' ? error.detail : `${error.pointer}: ${error.detail}`))
    .join('; ')
  const more = errors.length > 5 ? `; and ${errors.length - 5} more` : ''
  return new CoatcheckError(
    'PAYLOAD_INVALID',
    `the payload of ${definition.name} does not fit its schema: ${told}${more}`,
    { errors },
  )
}

function toPointer(path: readonly (PropertyKey | { readonly key: PropertyKey })[]): string {
  return path
    .map(
      (part) =>
        `/${String(typeof part === 'object' ? part.key : part)
          .replaceAll('~', '~0')
          .replaceAll('/', '~1')}`,
    )
    .join('')
}

function nameItem(error: CoatcheckError, at: number): CoatcheckError {
  return new CoatcheckError(error.code, `item ${at}: ${error.message}; nothing was accepted`, {
    cause: error,
    ...(error.errors
      ? { errors: error.errors.map((one) => ({ ...one, pointer: `/${at}${one.pointer}` })) }
      : {}),
  })
}
