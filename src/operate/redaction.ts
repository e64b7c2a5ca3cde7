import type { Definition } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import { callbackDefinition } from '../engine/callback-item.ts'
import { isAtLeast, type Operator } from './operator.ts'

/** What stands in place of what an operator may not see. */
export const hidden = '•••'

/** Takes secrets out of what is shown of one item. */
export interface Redaction {
  /** What the places are, as JSON Pointers; empty where nothing is hidden. */
  readonly places: readonly string[]
  /**
   * A payload: by place alone. Were the values hidden in the rest of it too, who may write a payload would find them out: by what
   * of its own text reads as hidden.
   */
  readonly payload: (value: unknown) => unknown
  /** A result: the same places, and wherever the values come up. */
  readonly result: (value: unknown) => unknown
  readonly failure: (failure: FailureRecord) => FailureRecord
  /** Anything else that a handler made: wherever the values come up. */
  readonly anything: (value: unknown) => unknown
  readonly text: (text: string) => string
  readonly key: (key: string) => string
}

/** What an item holds, and what it held before. */
export interface StoredPayloads {
  readonly input: unknown
  /** Payloads that acts have replaced, the oldest first. */
  readonly before?: readonly unknown[]
  /**
   * Whether somebody who may not see the secrets chose what stands beside them. Then all that came of it is hidden whole: a handler
   * may say again what it was given, and what of that reads as hidden would tell what the secrets are.
   * `edited`: its input was replaced, and its key is what it was; `made`: the item itself was made so, or by one that was.
   */
  readonly replaced?: 'edited' | 'made' | undefined
}

const same = <Value>(value: Value): Value => value

const nothingHidden: Redaction = Object.freeze({
  places: [],
  payload: same,
  result: same,
  failure: same,
  anything: same,
  text: same,
  key: same,
})

/** All that there is is hidden. */
const hideWhole = {
  result: (value: unknown) => (value === undefined || value === null ? value : hidden),
  failure: ({ code }: FailureRecord): FailureRecord => ({ code, message: hidden }),
  anything: (value: unknown) => (value === undefined || value === null ? value : hidden),
  text: () => hidden,
  key: () => hidden,
} as const

/** Nobody here knows what of it is secret. */
const allHidden: Redaction = Object.freeze({ ...hideWhole, places: [''], payload: hideWhole.anything })

/** Values that are this long are found within other text, too; shorter ones would make a riddle of everything. */
const leastWithin = 4

/** Which places of a definition's payloads are hidden from an operator: `all` where the definition is not known. */
export function secretsFor(
  operator: Pick<Operator, 'role'>,
  definitions: ReadonlyMap<string, Definition>,
  definition: string,
): readonly string[] | 'all' {
  if (isAtLeast(operator.role, 'administrator')) return []
  const known = definitions.get(definition)
  return known ? (known.secret ?? []) : 'all'
}

/** Whether anything of a definition's items may be hidden from an operator; a callback holds what became of another item. */
export function mayHide(
  operator: Pick<Operator, 'role'>,
  definitions: ReadonlyMap<string, Definition>,
  definition: string,
): boolean {
  if (isAtLeast(operator.role, 'administrator')) return false
  if (definition === callbackDefinition.id)
    return [...definitions.values()].some(({ secret = [] }) => secret.length > 0)
  return secretsFor(operator, definitions, definition).length > 0
}

/** What is hidden of one item. */
export function redactionOf(secrets: readonly string[] | 'all', stored: StoredPayloads): Redaction {
  if (secrets === 'all') return allHidden
  if (secrets.length === 0) return nothingHidden
  const pointers = secrets.map(readPointer)
  const { input, before = [], replaced } = stored
  const payload = (value: unknown): unknown =>
    pointers.reduce((shown, pointer) => replaceAt(shown, pointer, () => hidden), value)
  if (replaced === undefined) {
    const values = valuesAt(pointers, [input, ...before])
    const text = hider(values)
    const anything = (value: unknown): unknown => hideIn(value, text, values)
    return {
      places: secrets,
      payload,
      result: (value) => payload(anything(value)),
      failure: (failure) => anything(failure) as FailureRecord,
      anything,
      text,
      key: text,
    }
  }
  if (replaced === 'made') return { ...hideWhole, places: secrets, payload }
  // An act does not change the key: what was accepted is all that it can hold.
  const [accepted = input] = before
  return { ...hideWhole, places: secrets, payload, key: hider(valuesAt(pointers, [accepted])) }
}

function valuesAt(pointers: readonly Pointer[], payloads: readonly unknown[]): Set<string> {
  const values = new Set<string>()
  for (const payload of payloads)
    for (const pointer of pointers) visitAt(payload, pointer, (value) => gather(value, values))
  return values
}

/**
 * What is hidden of a callback: it holds what became of another item.
 * @param secrets those of the other item's definition
 */
export function callbackSecrets(
  definition: string,
  input: unknown,
  secretsOf: (definition: string) => readonly string[] | 'all',
): readonly string[] | undefined {
  if (definition !== callbackDefinition.id) return undefined
  const of = (input as { ending?: { definition?: unknown } } | null)?.ending?.definition
  const secrets = typeof of === 'string' ? secretsOf(of) : 'all'
  return secrets.length === 0 ? [] : ['/result', '/ending/failure', '/ending/progress', '/ending/key']
}

/** What stands at the secret places of a payload. */
export function secretsAt(secrets: readonly string[], payload: unknown): unknown[] {
  const found: unknown[] = []
  for (const pointer of secrets.map(readPointer)) visitAt(payload, pointer, (value) => found.push(value))
  return found
}

/** A payload with something else at its secret places. */
export function replaceSecrets(
  secrets: readonly string[],
  payload: unknown,
  by: (value: unknown) => unknown,
): unknown {
  return secrets.map(readPointer).reduce((shown, pointer) => replaceAt(shown, pointer, by), payload)
}

function readPointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

type Pointer = readonly string[]

/** The members that a step leads to. */
function stepInto(value: object, step: string): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value) && step === '*') return Object.entries(value)
  return Object.hasOwn(value, step) ? [[step, (value as Record<string, unknown>)[step]]] : []
}

function visitAt(value: unknown, [step, ...rest]: Pointer, visit: (value: unknown) => void): void {
  if (step === undefined) return visit(value)
  if (typeof value !== 'object' || value === null) return
  for (const [, member] of stepInto(value, step)) visitAt(member, rest, visit)
}

function replaceAt(value: unknown, [step, ...rest]: Pointer, by: (value: unknown) => unknown): unknown {
  if (step === undefined) return by(value)
  if (typeof value !== 'object' || value === null) return value
  const members = stepInto(value, step)
  if (members.length === 0) return value
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...value }
  for (const [name, member] of members)
    Object.defineProperty(copy, name, { ...plain, value: replaceAt(member, rest, by) })
  return copy
}

// A member called `__proto__` is one like any other.
const plain = { configurable: true, enumerable: true, writable: true }

/** Texts and numbers of a secret; what is true or null says nothing. */
function gather(value: unknown, into: Set<string>): void {
  if (typeof value === 'string' && value !== '') into.add(value)
  else if (typeof value === 'number') into.add(String(value))
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) gather(member, into)
}

/** Takes the values out of a text, the longest first: one may hold another. */
function hider(values: ReadonlySet<string>): (text: string) => string {
  const within = [...values]
    .filter(({ length }) => length >= leastWithin)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .toSorted((one, other) => other.length - one.length)
  return (text) => {
    if (values.has(text)) return hidden
    let shown = text
    for (const value of within) if (shown.includes(value)) shown = shown.replaceAll(value, hidden)
    return text.length < leastCut ? shown : hideBegun(shown, within)
  }
}

/** Messages and lines are cut to 2,000 characters when they are stored, and a secret may have been cut with them: its beginning is one. */
const leastCut = 2_000

function hideBegun(text: string, values: readonly string[]): string {
  const kept = text.replace(/[…\ufffd]+$/, '')
  for (const value of values)
    for (let length = Math.min(value.length - 1, kept.length); length >= leastWithin; length--)
      if (kept.endsWith(value.slice(0, length))) return kept.slice(0, -length) + hidden
  return text
}

function hideIn(value: unknown, text: (text: string) => string, values: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') return values.has(String(value)) ? hidden : value
  if (Array.isArray(value)) return value.map((member) => hideIn(member, text, values))
  if (typeof value !== 'object' || value === null) return value
  const shown = {}
  for (const [name, member] of Object.entries(value))
    Object.defineProperty(shown, text(name), { ...plain, value: hideIn(member, text, values) })
  return shown
}
