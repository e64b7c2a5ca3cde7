import { CoatcheckError } from '../../src/base/errors.ts'
import { createRowId, type QueueItemId } from '../../src/base/ids.ts'
import { ReadJson } from '../../src/base/json.ts'
import type { Act } from '../../src/define/act.ts'
import type { Application } from '../../src/define/application.ts'
import type { HandlerContext, Receipt } from '../../src/define/context.ts'
import type { Definition } from '../../src/define/definition.ts'
import { toFailure, type Failure } from '../../src/define/failure.ts'
import type { Item, RequestContext } from '../../src/define/item.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { isReply } from '../../src/define/reply.ts'
import type { ImmediateOutcome, ImmediateServices, ReplyHead, Road, Standing } from '../../src/engine/face.ts'
import { invalidPayload } from '../../src/engine/prepare.ts'

/** A road that keeps items in memory and runs none: what it is told is all that becomes of them. For rules of HTTP only. */
export class MemoryRoad implements Road {
  readonly definitions: ReadonlyMap<string, Definition>
  readonly items = new Map<string, { item: Item; reply: ReplyHead | undefined }>()
  /** What accepting and looking up throw while it is set. */
  failure: Error | undefined
  /** Ids of items whose retention is over. */
  readonly expired = new Set<string>()
  /** How many wait for an item to end. */
  waiting = 0
  #changed = new EventTarget()

  constructor(application: Application) {
    const { registry, problems } = resolveApplications([application])
    if (problems.length > 0) throw new Error(problems.join(' '))
    this.definitions = registry.definitions
  }

  async accept(
    definition: Definition,
    given: unknown,
    _options = {},
    context: RequestContext = {},
  ): Promise<QueueItemId> {
    if (this.failure) throw this.failure
    const input = valueOf(given)
    const checked = await definition.input['~standard'].validate(input)
    if (checked.issues) throw invalidPayload(definition, checked.issues)
    const { name: processor, kind, application, queue } = definition
    const id = createRowId(1, 0, Date.now())
    const state = 'ready'
    const item = {
      id,
      state,
      processor,
      kind,
      application,
      queue,
      key: null,
      attempts: 0,
      input,
      context,
    } as const
    this.items.set(id, { item: { ...item, enqueuedAt: new Date('2026-01-31T12:00:00Z') }, reply: undefined })
    return id
  }

  /** Says what became of an item. */
  change(id: string, change: Partial<Item>, reply?: ReplyHead): void {
    const known = this.items.get(id)
    if (!known) throw new Error(`no item ${id}`)
    this.items.set(id, { item: { ...known.item, ...change }, reply })
    this.#changed.dispatchEvent(new Event('change'))
  }

  readonly acts = {
    /** Cancels at once; an attempt that runs goes on until `change` says what became of it. */
    ask: async (kind: 'cancel', id: string): Promise<Act> => {
      const item = this.items.get(id)?.item
      if (!item) throw new CoatcheckError('ITEM_NOT_FOUND', `there is no item ${id}`)
      if (isEnded(item)) throw new CoatcheckError('ACT_REFUSED', `item ${id} is ${item.state}`)
      const act = { id, kind, item: id, askedAt: new Date() } as const
      if (item.state === 'running') return { ...act, verdict: 'pending' }
      this.change(id, { state: 'cancelled', reason: 'operator' })
      return { ...act, verdict: 'applied', state: item.state }
    },
  }

  async item(id: string): Promise<Item | undefined> {
    return (await this.standing(id))?.item
  }

  async itemLog(): Promise<[]> {
    return []
  }

  async standing(
    id: string,
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<Standing | undefined> {
    if (this.failure) throw this.failure
    const standing = this.items.get(id)
    if (!standing || waitMs === 0 || isEnded(standing.item)) return this.#standing(id)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, waitMs)
    this.#changed.addEventListener('change', () => resolve(), { once: true })
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    this.waiting += 1
    try {
      await promise
    } finally {
      this.waiting -= 1
      clearTimeout(timer)
    }
    return this.#standing(id)
  }

  /** Ids of items that callers are told of no more. */
  readonly over = new Set<string>()
  /** Whose results were handed over, one after the other. */
  readonly retrievals: string[] = []

  #standing(id: string): Standing | undefined {
    const found = this.items.get(id)
    if (!found) return undefined
    const { untilRetrieved } = this.definitions.get(`service:${found.item.processor}`)?.retention ?? {}
    const onRetrieved = async (): Promise<void> => void this.retrievals.push(id)
    return {
      ...found,
      isOver: this.over.has(id),
      onRetrieved: untilRetrieved ? onRetrieved : undefined,
    }
  }

  mayHaveExpired(id: string): boolean {
    return this.expired.has(id)
  }

  async receive(
    definition: Definition,
    input: unknown,
    _options: object,
    context: RequestContext,
  ): Promise<Receipt> {
    return { id: await this.accept(definition, input, {}, context), outcome: 'new' }
  }

  readonly immediate: ImmediateServices = {
    run: (definition, input, context, signal) => this.#runNow(definition, input, context, signal),
    acceptFailed: (definition, input, failure, context) =>
      this.#acceptFailed(definition, input, failure, context),
    accept: async (definition, input, context) => ({
      answer: { kind: 'queued', id: await this.accept(definition, input, {}, context) },
      isRepeat: false,
    }),
  }

  async #runNow(
    definition: Definition,
    input: unknown,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<ImmediateOutcome> {
    const checked = await definition.input['~standard'].validate(valueOf(input))
    if (checked.issues) throw invalidPayload(definition, checked.issues)
    try {
      const returned = await definition.run?.(checked.value, { context, signal } as HandlerContext)
      if (!isReply(returned)) return { kind: 'succeeded', output: returned, reply: undefined }
      return { kind: 'succeeded', output: returned.output, reply: returned }
    } catch (error) {
      return { kind: 'failed', failure: toFailure(error) }
    }
  }

  async #acceptFailed(
    definition: Definition,
    input: unknown,
    failure: Failure,
    context?: RequestContext,
  ): Promise<QueueItemId> {
    const id = await this.accept(definition, input, {}, context)
    this.change(id, { state: 'scheduled', attempts: 1, dueAt: new Date(Date.now() + 60_000), error: failure })
    return id
  }
}

function valueOf(input: unknown): unknown {
  return input instanceof ReadJson ? input.value : input
}

function isEnded({ state }: Item): boolean {
  return state === 'succeeded' || state === 'broken' || state === 'cancelled'
}
