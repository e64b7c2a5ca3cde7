import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { createUuid, lastIdOf, parseItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import type { Act } from '../define/act.ts'
import type { Definition } from '../define/definition.ts'
import type { Item, ItemState, RequestContext } from '../define/item.ts'
import {
  hintActs,
  insertActs,
  insertDecided,
  readActs,
  writeLine,
  type ActRow,
  type OpenAct,
} from '../store/acts.ts'
import { isKnownDefinition, readBlockedKeys, type BlockedKeyRow } from '../store/blocked-keys.ts'
import type { OpenDatabase } from '../store/database.ts'
import { isAmbiguous, type Runner } from '../store/driver.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readStates } from '../store/item-states.ts'
import { readOwners } from '../store/partitions.ts'
import { readClock } from '../store/topology.ts'
import { insteadOf, isFinalRefusal, type DecidedKind } from './act-decision.ts'
import { actLine, type ActArguments } from './act-rows.ts'
import { visitPartition } from './act-visit.ts'
import { upgradeInput } from './execute.ts'
import { countItems, findItems, type FindOptions } from './item-search.ts'
import { prepare } from './prepare.ts'
import type { Topology } from './topology.ts'

export interface ActDeskParts {
  readonly database: OpenDatabase
  readonly topology: Topology
  readonly definitions: ReadonlyMap<string, Definition>
  readonly events: Events
  now(): number
  item(id: string): Promise<Item | undefined>
  /** Acts were asked for: those of this node's partitions may be among them. */
  readonly onAsked: () => void
  /** Accepts the input of a clone within a transaction. */
  readonly accept: (
    definition: Definition,
    input: unknown,
    context: RequestContext,
    tx: { query: OpenDatabase['driver']['query'] },
  ) => Promise<string>
  /** A clone was accepted. */
  readonly onAccepted: (id: string) => void
}

/** What goes with an act in its transaction: neither is there without the other. @param id of the act, or of the clone */
export type AlongWithAct = (id: string, runner: Runner) => Promise<void>

/** Who asks, and why. */
export interface Asking {
  readonly operator?: string
  readonly reason?: string
  /** Whether it may see what is secret. Of who may not, the logs of items keep that it chose an input. */
  readonly seesSecrets?: true
}

/** How long whoever asks waits for the verdict. */
const patienceMs = 2_000
/** After so long without a verdict it is asked whether the partition has an owner. */
const ownerCheckMs = 250
const stepsMs = [5, 10, 20, 40, 80, 120]
/** A look at the verdicts may take so long where no time is left, and where there is. */
const minReadMs = 1_000
const maxReadMs = 6_000

/** Takes acts on items: writes them down for the owners of the partitions, waits for the verdicts, and decides where there is no owner. */
export class ActDesk {
  readonly #parts: ActDeskParts

  constructor(parts: ActDeskParts) {
    this.#parts = parts
  }

  /**
   * Asks for an act on one item.
   * @param more `along`: done in the transaction that writes the act down; what becomes of the act is not known then
   * @throws CoatcheckError `ITEM_NOT_FOUND`, `ITEM_ID_INVALID`, `ACT_REFUSED`; for an input what accepting it throws, `KEY_CHANGED`
   */
  async ask(
    kind: DecidedKind,
    given: string,
    asking: Asking,
    more: {
      readonly input?: { readonly value: unknown }
      readonly until?: number
      readonly along?: AlongWithAct
    } = {},
  ): Promise<Act> {
    const item = await this.#itemOf(given)
    const { id } = item
    if (isFinalRefusal(kind, item.state)) throw refusal(kind, id, item.state)
    const until = more.until === undefined ? {} : { until: more.until }
    const input = more.input && {
      input: await this.#checkInput(item, more.input.value),
      ...(asking.seesSecrets && { seesSecrets: true as const }),
    }
    const acts = this.#openActs(kind, [id], asking, { ...until, ...input })
    await this.#insert(acts, more.along)
    const [row] = await this.#verdicts(acts, performance.now() + patienceMs, undefined)
    if (!row) throw new CoatcheckError('INTERNAL', `the act on item ${id} is gone`)
    if (row.verdict === 'refused') throw refusal(kind, id, (row.state ?? 'missing') as ItemState | 'missing')
    return toAct(row)
  }

  /** Asks for the same act on many items, and waits for the verdicts, at most so long, or until `signal` says so. */
  async askMany(
    kind: DecidedKind,
    items: readonly string[],
    asking: Asking,
    given: ActArguments,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<ActRow[]> {
    const acts = this.#openActs(kind, items, asking, given)
    await this.#insert(acts)
    return this.#verdicts(acts, performance.now() + waitMs, signal)
  }

  #openActs(kind: DecidedKind, items: readonly string[], asking: Asking, given: ActArguments): OpenAct[] {
    const text = Object.keys(given).length === 0 ? null : JSON.stringify(given)
    return items.map((item) => {
      const { queue, partition } = parseItemId(item)
      const { operator = null, reason = null } = asking
      return { id: createUuid(), queue, partition, item, kind, arguments: text, operator, reason }
    })
  }

  /** An act as it stands; undefined where there is none (any more). One that nobody alive could decide is decided now. */
  async act(id: string): Promise<Act | undefined> {
    const { driver, schema } = this.#parts.database
    const [row] = await readActs(driver, schema, [id])
    if (!row || row.verdict !== null) return row && toAct(row)
    await this.#visitUnowned([row], performance.now() + patienceMs)
    const [now] = await readActs(driver, schema, [id])
    return now && toAct(now)
  }

  /**
   * Makes a new item of an old one, with `causationId` = its id; the act, its line in the old item's log and the new item commit together.
   * @param along done in that transaction
   * @returns the new item's id
   */
  async clone(
    given: string,
    asking: Asking,
    input?: { readonly value: unknown },
    along?: AlongWithAct,
  ): Promise<string> {
    const item = await this.#itemOf(given)
    const definition = this.#definitionOf(item)
    const { driver, schema } = this.#parts.database
    const { queue, partition } = parseItemId(item.id)
    const clone = await driver.transaction(async (tx) => {
      const made = await this.#parts.accept(
        definition,
        input ? input.value : upgradeInput(definition, item.input),
        { ...item.context, causationId: item.id },
        tx,
      )
      const act = {
        id: createUuid(),
        queue,
        partition,
        item: item.id,
        kind: 'clone' as const,
        arguments: JSON.stringify({ clone: made }),
        operator: asking.operator ?? null,
        reason: asking.reason ?? null,
        verdict: 'applied' as const,
        state: item.state,
      }
      await insertDecided(tx, schema, act, actLine(act, undefined, { clone: made }))
      if (input) await writeLine(tx, schema, madeLine(act, made, asking))
      await along?.(made, tx)
      return made
    })
    this.#parts.onAccepted(clone)
    return clone
  }

  /** Such a filter that nothing matches which is accepted from now on, by the database's clock. */
  async asOfNow(filter: ItemFilter): Promise<ItemFilter> {
    const { driver, schema } = this.#parts.database
    return { ...filter, upTo: lastIdOf(await readClock(driver, schema)) }
  }

  /** Items that match, behind `after`, in the order of their ids: fewer than `limit` where there are no more, or where `signal` cut it. */
  async matching(
    filter: ItemFilter,
    after: string | undefined,
    limit: number,
    keep?: FindOptions['keep'],
    signal?: AbortSignal,
  ): Promise<{ readonly ids: readonly string[]; readonly isCut: boolean }> {
    return findItems(this.#parts.database, filter, { order: 'oldest', limit, after, keep, signal })
  }

  async count(filter: ItemFilter, limit: number, keep?: FindOptions['keep']): Promise<number> {
    return (await countItems(this.#parts.database, filter, limit, { keep })).count
  }

  states(ids: readonly string[]): Promise<(string | null)[]> {
    const { driver, schema } = this.#parts.database
    return readStates(driver, schema, ids)
  }

  /**
   * Keys that broken items block, by the ids of those, behind `after`.
   * @throws CoatcheckError `UNKNOWN_PROCESSOR`
   */
  async blockedKeys(
    processor: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<BlockedKeyRow[]> {
    const { driver, schema } = this.#parts.database
    const rows = await readBlockedKeys(driver, schema, processor, after, limit)
    // To say that none is blocked of a processor that is misspelt would be a lie.
    if (rows.length === 0 && processor !== undefined && !this.#parts.definitions.has(processor))
      if (!(await isKnownDefinition(driver, schema, processor)))
        throw new CoatcheckError('UNKNOWN_PROCESSOR', `there is no queue processor ${showValue(processor)}`)
    return rows
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  queueNumber(name: string): number {
    return this.#parts.topology.numberOf(name)
  }

  async #itemOf(id: string): Promise<Item> {
    const item = await this.#parts.item(id)
    if (!item)
      throw new CoatcheckError('ITEM_NOT_FOUND', `there is no item ${id}: ${insteadOf('cancel', 'missing')}`)
    return item
  }

  #definitionOf(item: Item): Definition {
    const definition = this.#parts.definitions.get(
      item.kind === 'service' ? `service:${item.processor}` : item.processor,
    )
    if (!definition)
      throw new CoatcheckError(
        'UNKNOWN_PROCESSOR',
        `item ${item.id} is for ${item.processor}, which this node has no definition of; its input cannot be checked here`,
      )
    return definition
  }

  /** Checks an edited input as it is checked when it is accepted. @returns it as JSON */
  async #checkInput(item: Item, input: unknown): Promise<string> {
    const definition = this.#definitionOf(item)
    const prepared = await prepare(definition, input, {}, undefined)
    if (prepared.key !== item.key)
      throw new CoatcheckError(
        'KEY_CHANGED',
        `with this input item ${item.id} would have the key ${JSON.stringify(prepared.key)}; it has ${JSON.stringify(item.key)}, and its place in the order of that: clone it with the input instead`,
      )
    return JSON.stringify((JSON.parse(prepared.text) as { i: unknown }).i)
  }

  async #insert(acts: readonly OpenAct[], along?: AlongWithAct): Promise<void> {
    const { driver, schema } = this.#parts.database
    for (let attempt = 0; ; attempt++) {
      try {
        if (along) await driver.transaction((tx) => this.#insertAlong(tx, acts, along))
        else await insertActs(driver, schema, acts)
        break
      } catch (error) {
        // Sent again, it meets itself.
        if (!isAmbiguous(error) || attempt === 2) throw error
      }
    }
    this.#parts.onAsked()
    // Only a hint: owners look for acts all the time.
    await hintActs(driver, schema).catch(() => {})
  }

  async #insertAlong(tx: Runner, acts: readonly OpenAct[], along: AlongWithAct): Promise<void> {
    // Sent again after its answer was lost, what goes along is there as well.
    if ((await insertActs(tx, this.#parts.database.schema, acts)) === 0) return
    for (const { id } of acts) await along(id, tx)
  }

  /** Never throws: the acts are durable, whatever becomes of those who wait for them. */
  async #verdicts(
    acts: readonly OpenAct[],
    until: number,
    signal: AbortSignal | undefined,
  ): Promise<ActRow[]> {
    const { events } = this.#parts
    const askedAt = this.#parts.now()
    let rows = acts.map((act): ActRow => ({ ...act, verdict: null, state: null, askedAt, decidedAt: null }))
    const ids = acts.map(({ id }) => id)
    let checkAt = performance.now() + ownerCheckMs
    let isTold = false
    for (let step = 0; ; step++) {
      try {
        rows = await this.#read(ids, until)
      } catch (error) {
        if (!isTold) events.emit('problem', { where: 'acts', error })
        isTold = true
      }
      const open = rows.filter(({ verdict }) => verdict === null)
      const left = until - performance.now()
      if (open.length === 0 || left <= 0 || signal?.aborted) return rows
      if (performance.now() >= checkAt) {
        checkAt = performance.now() + 2 * ownerCheckMs
        if ((await this.#visitUnowned(open, until)) > 0) continue
      }
      const stepMs = stepsMs[Math.min(step, stepsMs.length - 1)] as number
      // Aborted: the verdicts are read once more.
      await wait(Math.min(stepMs, left), undefined, signal ? { signal } : {}).catch(() => {})
    }
  }

  #read(ids: readonly string[], until: number): Promise<ActRow[]> {
    const { driver, schema } = this.#parts.database
    return readActs(driver, schema, ids, Math.min(maxReadMs, Math.max(minReadMs, until - performance.now())))
  }

  /** Decides the acts of partitions that nobody alive owns, as long as there is time. @returns how many */
  async #visitUnowned(open: readonly ActRow[], until: number): Promise<number> {
    const { driver, schema } = this.#parts.database
    const names = new Set(open.map(({ queue, partition }) => `${queue}/${partition}`))
    let decided = 0
    try {
      for (const row of await readOwners(driver, schema))
        if (!row.alive && names.has(`${row.queue}/${row.partition}`) && performance.now() < until)
          decided += await visitPartition(this.#parts, row)
    } catch (error) {
      // They stay open, and whoever owns the partition next decides them.
      this.#parts.events.emit('problem', { where: 'acts', error })
    }
    return decided
  }
}

/** The line that a clone with another input begins with. */
function madeLine(act: OpenAct, clone: string, { seesSecrets }: Asking) {
  const by = act.operator === null ? '' : ` by ${act.operator}`
  const data = {
    act: act.id,
    of: act.item,
    ...(act.operator === null ? {} : { operator: act.operator }),
    ...(seesSecrets ? { seesSecrets } : {}),
  }
  const message = `made of ${act.item}${by}, with another input`
  return { id: clone, event: 'made', message, data: JSON.stringify(data) }
}

function refusal(kind: DecidedKind, id: string, state: ItemState | 'missing'): CoatcheckError {
  const what = state === 'missing' ? 'is not there' : `is ${state}`
  return new CoatcheckError('ACT_REFUSED', `${kind}: item ${id} ${what}; ${insteadOf(kind, state)}`)
}

/** A row as callers see it. */
export function toAct(row: ActRow): Act {
  return {
    id: row.id,
    kind: row.kind,
    item: row.item,
    verdict: row.verdict ?? 'pending',
    ...(row.state === null ? {} : { state: row.state as ItemState | 'missing' }),
    ...(row.operator === null ? {} : { operator: row.operator }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    askedAt: new Date(row.askedAt),
    ...(row.decidedAt === null ? {} : { decidedAt: new Date(row.decidedAt) }),
  }
}
