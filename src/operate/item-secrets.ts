import { isItemId } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { Item, RequestContext } from '../define/item.ts'
import { callbackDefinition } from '../engine/callback-item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readByIndex } from '../store/item-search.ts'
import { maxBefore, readItemTexts, readPortions, type ItemTexts } from '../store/item-texts.ts'
import { readReplaced, type Replaced } from '../store/replaced-items.ts'
import { seesSecrets } from './item-filter.ts'
import type { Operator } from './operator.ts'
import { callbackSecrets, mayHide, redactionOf, secretsFor, type Redaction } from './redaction.ts'

/** An item of which something may be secret. */
export interface SecretHolder {
  readonly id: string
  readonly definition: string
  readonly context: RequestContext
}

/** What an item holds, and what of it is hidden. */
export interface ReadSecrets {
  readonly texts: ItemTexts
  readonly redaction: Redaction
}

/** What of items is hidden from an operator. */
export class ItemSecrets {
  readonly #operator: Operator
  readonly #definitions: ReadonlyMap<string, Definition>
  readonly #database: OpenDatabase

  constructor(operator: Operator, definitions: ReadonlyMap<string, Definition>, database: OpenDatabase) {
    this.#operator = operator
    this.#definitions = definitions
    this.#database = database
  }

  /** Whether anything of its items may be hidden; a callback holds what became of another item. */
  isShy(definition: string): boolean {
    return mayHide(this.#operator, this.#definitions, definition)
  }

  /** Definitions of whose items nothing is hidden. */
  get openDefinitions(): string[] {
    return [...this.#definitions.keys(), callbackDefinition.id].filter((id) => !this.isShy(id))
  }

  /** Of an item of which nothing is known but its definition. */
  hiding(definition: string): Redaction {
    return this.#redact(definition, { input: undefined, replaced: 'made' })
  }

  async ofItem(item: Item): Promise<Redaction> {
    const definition = item.kind === 'service' ? `service:${item.processor}` : item.processor
    const holder = { id: item.id, definition, context: item.context }
    if (!this.isShy(definition)) return this.#redact(definition, { input: item.input })
    const { driver, schema } = this.#database
    const [texts] = await readByIndex(driver, schema, (runner) =>
      readItemTexts(runner, schema, [item.id], false),
    )
    const replaced = await this.#replaced([holder])
    return this.#redact(definition, storedOf(item.input, texts, replaced.get(item.id)))
  }

  /** What shy items hold, portion by portion, each with the ids that are left. */
  async *read(
    holders: readonly SecretHolder[],
    withAll: boolean,
  ): AsyncGenerator<{ readonly read: ReadSecrets[]; readonly left: readonly string[] }> {
    const { driver, schema } = this.#database
    const ids = holders.map(({ id }) => id)
    const portions = await readByIndex(driver, schema, (runner) => readPortions(runner, schema, ids, withAll))
    const replaced = portions.length === 0 ? new Map<string, Replaced>() : await this.#replaced(holders)
    for (const [at, portion] of portions.entries()) {
      const texts = await readByIndex(driver, schema, (runner) =>
        readItemTexts(runner, schema, portion, withAll),
      )
      const read = texts.map((each) => {
        const stored = storedOf(parse(each.input) ?? null, each, replaced.get(each.id))
        return { texts: each, redaction: this.#redact(each.definition, stored) }
      })
      yield { read, left: portions.slice(at + 1).flat() }
    }
  }

  async #replaced(holders: readonly SecretHolder[]): Promise<Map<string, Replaced>> {
    const { driver, schema } = this.#database
    const asked = holders.map(({ id, context: { causationId } }) => ({
      id,
      parent: causationId !== undefined && isItemId(causationId) ? causationId.toLowerCase() : undefined,
    }))
    const replaced = await readByIndex(driver, schema, (runner) => readReplaced(runner, schema, asked))
    for (const holder of holders) if (this.#isOfOperators(holder)) replaced.set(holder.id, 'made')
    return replaced
  }

  /** What a service handed over that an operator called: it chose what stands there beside what the handler knows. */
  #isOfOperators({ definition, context: { caller } }: SecretHolder): boolean {
    if (caller === undefined || definition.startsWith('service:')) return false
    return caller === this.#operator.id || /^(user|link):/.test(caller)
  }

  #redact(definition: string, stored: Parameters<typeof redactionOf>[1]): Redaction {
    if (seesSecrets(this.#operator)) return redactionOf([], stored)
    const secretsOf = (id: string) => secretsFor(this.#operator, this.#definitions, id)
    const secrets = callbackSecrets(definition, stored.input, secretsOf) ?? secretsOf(definition)
    return redactionOf(secrets, stored)
  }
}

function storedOf(
  input: unknown,
  texts: ItemTexts | undefined,
  replaced: Replaced | undefined,
): Parameters<typeof redactionOf>[1] {
  const before = (parse(texts?.before ?? null) ?? []) as unknown[]
  // Of the rest nobody knows what it was.
  return { input, before, replaced: before.length > maxBefore ? 'made' : replaced }
}

export function parse(text: string | null): unknown {
  return text === null ? undefined : (JSON.parse(text) as unknown)
}
