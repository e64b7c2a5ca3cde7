import { CoatcheckError } from '../base/errors.ts'
import { isItemId, parseItemId } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { Item, ItemState, RequestContext } from '../define/item.ts'
import type { ActDesk } from '../engine/act-desk.ts'
import type { FindOptions } from '../engine/item-search.ts'
import { readFingerprint } from '../store/broken-groups.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readListedItems, type ListedItem } from '../store/item-rows.ts'
import { readByIndex } from '../store/item-search.ts'
import type { ItemTexts } from '../store/item-texts.ts'
import { maySee, readFilter, seesSecrets, type GivenFilter } from './item-filter.ts'
import { ItemSecrets, parse } from './item-secrets.ts'
import type { Operator } from './operator.ts'
import type { Redaction } from './redaction.ts'
import { shownLine } from './shown-line.ts'

/** What the pages about items need of the node. */
export interface ItemParts {
  readonly database: OpenDatabase
  readonly road: {
    readonly definitions: ReadonlyMap<string, Definition>
    readonly acts: ActDesk
    item(id: string): Promise<Item | undefined>
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
  readonly secrets: ItemSecrets

  constructor(parts: ItemParts, operator: Operator) {
    this.parts = parts
    this.operator = operator
    this.secrets = new ItemSecrets(operator, parts.road.definitions, parts.database)
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  async readFilter(given: GivenFilter): Promise<ItemFilter> {
    const filter = await this.#ofGroup(await readFilter(given, this.operator, this.parts.database))
    if (filter.text === undefined || seesSecrets(this.operator)) return filter
    return { ...filter, open: this.secrets.openDefinitions }
  }

  /** A group is named by one of its items where its sentence is hidden; by a digest of that it is not found then: who guesses can make one. */
  async #ofGroup(filter: ItemFilter): Promise<ItemFilter> {
    const { fingerprint, definitions } = filter
    if (fingerprint === undefined) return filter
    if (isItemId(fingerprint)) {
      const { driver, schema } = this.parts.database
      const isSeen = (await this.rows([fingerprint])).length > 0
      const found = isSeen ? await readFingerprint(driver, schema, fingerprint) : undefined
      return { ...filter, fingerprint: found ?? '' }
    }
    if (seesSecrets(this.operator)) return filter
    const open = this.secrets.openDefinitions
    return { ...filter, definitions: definitions ? open.filter((id) => definitions.includes(id)) : open }
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
    const seen = (await this.#listed(ids)).filter(({ context }) => maySee(this.operator, context))
    // A key or a message may hold what the payload says.
    const redactions = new Map<string, Redaction>()
    const until = performance.now() + rowsBudgetMs
    for await (const { read } of this.secrets.read(this.#shyOf(seen), false)) {
      for (const { texts, redaction } of read) redactions.set(texts.id, redaction)
      if (performance.now() > until) break
    }
    return seen.map((row) => this.#toRow(row, redactions.get(row.id) ?? this.secrets.hiding(row.definition)))
  }

  async refs(ids: readonly string[]): Promise<ItemRef[]> {
    const rows = new Map((await this.rows(ids)).map((row) => [row.id, row] as const))
    return ids.map((id) => {
      const row = rows.get(id)
      return row ? { id, processor: row.processor, state: row.state, key: row.key } : { id }
    })
  }

  /** Of items that a search for text or a key has found, those where that is not hidden; undefined where nothing is. */
  keep({ text, key, keyPrefix }: ItemFilter): FindOptions['keep'] {
    const asksKey = key !== undefined || keyPrefix !== undefined
    if ((text === undefined && !asksKey) || seesSecrets(this.operator)) return undefined
    const needle = text?.toLowerCase()
    return async (ids, isOver) => {
      const kept: string[] = []
      for (let at = 0; at < ids.length; at += keptAtOnce) {
        if (at > 0 && isOver()) return { ids: kept, lookedAt: at }
        const some = ids.slice(at, at + keptAtOnce)
        const { shown, left } = await this.#showing(some, asksKey, needle, isOver)
        const end = left === undefined ? some.length : some.indexOf(left)
        kept.push(...some.slice(0, end).filter((id) => shown.has(id)))
        if (end < some.length) return { ids: kept, lookedAt: at + end }
      }
      return { ids: kept, lookedAt: ids.length }
    }
  }

  /** Which of them show what was looked for. @returns `left`: from here on nothing was looked at */
  async #showing(
    ids: readonly string[],
    asksKey: boolean,
    needle: string | undefined,
    isOver: () => boolean,
  ): Promise<{ shown: ReadonlySet<string>; left: string | undefined }> {
    const rows = new Map((await this.#listed(ids)).map((row) => [row.id, row] as const))
    const shy = this.#shyOf([...rows.values()])
    const shown = new Set(rows.keys())
    for (const { id } of shy) shown.delete(id)
    // Without what they hold it is all the same to look at them.
    for await (const { read, left } of this.secrets.read(shy, needle !== undefined)) {
      for (const { texts, redaction } of read) {
        const key = rows.get(texts.id)?.key ?? null
        const showsKey = !asksKey || key === null || redaction.key(key) === key
        if (showsKey && (needle === undefined || showsText(texts, redaction, needle))) shown.add(texts.id)
      }
      if (left.length > 0 && isOver()) return { shown, left: left[0] }
    }
    return { shown, left: undefined }
  }

  #shyOf(rows: readonly SeenRow[]): SeenRow[] {
    return rows.filter(({ definition }) => this.secrets.isShy(definition))
  }

  async #listed(ids: readonly string[]): Promise<SeenRow[]> {
    const { driver, schema } = this.parts.database
    const rows = await readByIndex(driver, schema, (runner) => readListedItems(runner, schema, ids))
    return rows.map((row) => ({ ...row, context: (parse(row.context) as RequestContext | undefined) ?? {} }))
  }

  #toRow(row: SeenRow, { text, key }: Redaction): ItemRow {
    const isService = row.definition.startsWith('service:')
    const { correlationId, caller } = row.context
    const failure = parse(row.failure) as FailureRecord | undefined
    return {
      id: row.id,
      state: row.state as ItemState,
      processor: isService ? row.definition.slice('service:'.length) : row.definition,
      kind: isService ? 'service' : 'queue-processor',
      application: this.parts.road.definitions.get(row.definition)?.application ?? '',
      queue: row.queue,
      key: row.key === null ? null : key(row.key),
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

/** What a list shows of an item is looked for so long; of what is left then nothing is shown that may be secret. */
const rowsBudgetMs = 1_000
const keptAtOnce = 50

interface SeenRow extends Omit<ListedItem, 'context'> {
  readonly context: RequestContext
}

function showsText(texts: ItemTexts, redaction: Redaction, needle: string): boolean {
  const failure = parse(texts.failure) as FailureRecord | undefined
  const lines = (parse(texts.lines) ?? []) as [string, string, string | null][]
  const shown = [
    JSON.stringify(redaction.payload(parse(texts.input) ?? null)),
    JSON.stringify(redaction.result(parse(texts.result) ?? null)),
    JSON.stringify((failure && redaction.failure(failure)) ?? null),
    ...lines.flatMap(([event, message, data]) => {
      const line = shownLine(redaction, { event, message, data: parse(data) })
      return [line.message, JSON.stringify(line.data ?? null)]
    }),
  ]
  const quoted = JSON.stringify(needle).slice(1, -1)
  return shown.some((each) => each.toLowerCase().includes(needle) || each.toLowerCase().includes(quoted))
}
