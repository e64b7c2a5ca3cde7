import { CoatcheckError } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { Item, ItemLogEntry, ItemState, RequestContext } from '../define/item.ts'
import type { ActDesk } from '../engine/act-desk.ts'
import { callbackDefinition } from '../engine/callback-item.ts'
import type { FindOptions } from '../engine/item-search.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readItemTexts, readListedItems, type ItemTexts, type ListedItem } from '../store/item-rows.ts'
import { readByIndex } from '../store/item-search.ts'
import { maySee, readFilter, seesSecrets, type GivenFilter } from './item-filter.ts'
import type { Operator } from './operator.ts'
import { callbackSecrets, redactionOf, secretsFor, type Redaction } from './redaction.ts'

/** What the pages about items need of the node. */
export interface ItemParts {
  readonly database: OpenDatabase
  readonly road: {
    readonly definitions: ReadonlyMap<string, Definition>
    readonly acts: ActDesk
    item(id: string): Promise<Item | undefined>
    itemLog(id: string): Promise<ItemLogEntry[]>
  }
}

/** An item in lists. */
export interface ItemRow {
  readonly id: string
  readonly state: ItemState
  readonly processor: string
  readonly kind: 'queue-processor' | 'service'
  readonly application: string
  readonly queue: string
  readonly key: string | null
  readonly attempts: number
  readonly enqueuedAt: Date
  readonly startedAt?: Date
  readonly endedAt?: Date
  readonly dueAt?: Date
  readonly error?: { readonly code: string; readonly message: string }
  readonly correlationId?: string
  readonly caller?: string
}

/** An item as others refer to it. */
export interface ItemRef {
  readonly id: string
  readonly processor?: string
  readonly state?: ItemState
  readonly key?: string | null
}

/** Items as an operator sees them: within its access group, and without what is secret. */
export class SeenItems {
  readonly parts: ItemParts
  readonly operator: Operator

  constructor(parts: ItemParts, operator: Operator) {
    this.parts = parts
    this.operator = operator
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  readFilter(given: GivenFilter): Promise<ItemFilter> {
    return readFilter(given, this.operator, this.parts.database)
  }

  /** @throws CoatcheckError `ITEM_NOT_FOUND`, `ITEM_ID_INVALID` */
  async item(given: string): Promise<Item> {
    parseItemId(given)
    const item = await this.parts.road.item(given.toLowerCase())
    // To who may not see it, it is not there.
    if (item && maySee(this.operator, item.context)) return item
    throw new CoatcheckError('ITEM_NOT_FOUND', `there is no item ${given.toLowerCase()}`)
  }

  /** In the order of the ids, without those that are gone. */
  async rows(ids: readonly string[]): Promise<ItemRow[]> {
    const listed = await this.#listed(ids)
    const seen = listed.filter(({ context }) => maySee(this.operator, contextOf(context)))
    // A key or a message may hold what the payload says.
    const texts = await this.#textsOfShy(seen)
    return seen.map((row) => this.#toRow(row, this.#redactionOf(row.definition, texts.get(row.id))))
  }

  async refs(ids: readonly string[]): Promise<ItemRef[]> {
    const rows = new Map((await this.rows(ids)).map((row) => [row.id, row] as const))
    return ids.map((id) => {
      const row = rows.get(id)
      return row ? { id, processor: row.processor, state: row.state, key: row.key } : { id }
    })
  }

  /** What is hidden of an item. @param before payloads that it had before */
  redaction(item: Item, before: readonly unknown[] = []): Redaction {
    const definition = item.kind === 'service' ? `service:${item.processor}` : item.processor
    return this.#redact(definition, [item.input, ...before])
  }

  /** Of items that a search for text or a key has found, those where that is not hidden; undefined where nothing is. */
  keep({ text, key, keyPrefix }: ItemFilter): FindOptions['keep'] {
    const asksKey = key !== undefined || keyPrefix !== undefined
    if ((text === undefined && !asksKey) || seesSecrets(this.operator)) return undefined
    return async (ids) => {
      const kept: string[] = []
      for (let at = 0; at < ids.length; at += textsAtOnce) {
        const some = ids.slice(at, at + textsAtOnce)
        const keyed = asksKey ? await this.#showingKey(some) : some
        kept.push(...(text === undefined ? keyed : await this.#showingText(keyed, text.toLowerCase())))
      }
      return kept
    }
  }

  /** Who may not see a key does not find out by asking for it. */
  async #showingKey(ids: readonly string[]): Promise<string[]> {
    const listed = await this.#listed(ids)
    const texts = await this.#textsOfShy(listed)
    return listed
      .filter(({ id, definition, key }) => {
        if (key === null || !this.#isShy(definition)) return true
        return this.#redactionOf(definition, texts.get(id)).text(key) === key
      })
      .map(({ id }) => id)
  }

  async #showingText(ids: readonly string[], needle: string): Promise<string[]> {
    const texts = await this.#texts(ids, true)
    return texts.filter((each) => this.#shows(each, needle)).map(({ id }) => id)
  }

  #listed(ids: readonly string[]): Promise<ListedItem[]> {
    const { driver, schema } = this.parts.database
    return readByIndex(driver, schema, (runner) => readListedItems(runner, schema, ids))
  }

  async #textsOfShy(rows: readonly ListedItem[]): Promise<Map<string, ItemTexts>> {
    const shy = rows.filter(({ definition }) => this.#isShy(definition)).map(({ id }) => id)
    return new Map((await this.#texts(shy, false)).map((each) => [each.id, each] as const))
  }

  #texts(ids: readonly string[], withLog: boolean): Promise<ItemTexts[]> {
    const { driver, schema } = this.parts.database
    return readByIndex(driver, schema, (runner) => readItemTexts(runner, schema, ids, withLog))
  }

  #shows(texts: ItemTexts, needle: string): boolean {
    if (!this.#isShy(texts.definition)) return true
    const lines = linesOf(texts)
    const redaction = this.#redactionOf(texts.definition, texts)
    const shown = [
      JSON.stringify(redaction.payload(parse(texts.input) ?? null)),
      JSON.stringify(redaction.payload(parse(texts.result) ?? null)),
      JSON.stringify(redaction.anything(parse(texts.failure) ?? null)),
      ...lines.flatMap(({ message, data }) => [
        redaction.text(message),
        JSON.stringify(hideLine(redaction, data) ?? null),
      ]),
    ]
    const quoted = JSON.stringify(needle).slice(1, -1)
    return shown.some((each) => each.toLowerCase().includes(needle) || each.toLowerCase().includes(quoted))
  }

  /** Whether anything of its items may be hidden; a callback holds what became of another item. */
  #isShy(definition: string): boolean {
    if (seesSecrets(this.operator)) return false
    return definition === callbackDefinition.id || this.#secretsOf(definition).length > 0
  }

  #secretsOf(definition: string): readonly string[] | 'all' {
    return secretsFor(this.operator, this.parts.road.definitions, definition)
  }

  #redactionOf(definition: string, texts: ItemTexts | undefined): Redaction {
    const before = texts ? linesOf(texts).map(({ data }) => beforeOf(data)) : []
    return this.#redact(definition, [parse(texts?.input ?? null), ...before])
  }

  #redact(definition: string, stored: readonly unknown[]): Redaction {
    const secrets =
      callbackSecrets(definition, stored[0], (other) => this.#secretsOf(other)) ?? this.#secretsOf(definition)
    return redactionOf(seesSecrets(this.operator) ? [] : secrets, stored)
  }

  #toRow(row: ListedItem, { text }: Redaction): ItemRow {
    const isService = row.definition.startsWith('service:')
    const { correlationId, caller } = contextOf(row.context)
    const failure = parse(row.failure) as FailureRecord | undefined
    return {
      id: row.id,
      state: row.state as ItemState,
      processor: isService ? row.definition.slice('service:'.length) : row.definition,
      kind: isService ? 'service' : 'queue-processor',
      application: this.parts.road.definitions.get(row.definition)?.application ?? '',
      queue: row.queue,
      key: row.key === null ? null : text(row.key),
      attempts: row.attempts,
      enqueuedAt: new Date(row.enqueuedAt),
      ...(row.startedAt !== null && { startedAt: new Date(row.startedAt) }),
      ...(row.endedAt !== null && { endedAt: new Date(row.endedAt) }),
      ...(row.dueAt !== null && { dueAt: new Date(row.dueAt) }),
      ...(failure && { error: { code: failure.code, message: text(failure.message) } }),
      ...(correlationId !== undefined && { correlationId }),
      ...(caller !== undefined && { caller }),
    }
  }
}

/** They may be long. */
const textsAtOnce = 50

/** The payload that an act has replaced, which a line of the log keeps. */
export function beforeOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'before' in data ? data.before : undefined
}

/** The data of a line of the log, which may hold a payload of before. */
export function hideLine(redaction: Redaction, data: unknown): unknown {
  const before = beforeOf(data)
  const shown = redaction.anything(data)
  if (before === undefined || typeof shown !== 'object' || shown === null) return shown
  return { ...shown, before: redaction.payload(before) }
}

function linesOf({ lines }: ItemTexts): { readonly message: string; readonly data: unknown }[] {
  const read = (parse(lines) ?? []) as [string, string | null][]
  return read.map(([message, data]) => ({ message, data: parse(data) }))
}

function contextOf(text: string | null): RequestContext {
  return (parse(text) as RequestContext | undefined) ?? {}
}

function parse(text: string | null): unknown {
  return text === null ? undefined : (JSON.parse(text) as unknown)
}
