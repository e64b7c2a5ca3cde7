import { isDeepStrictEqual } from 'node:util'
import { digestOf } from '../engine/prepare.ts'
import { hidden, replaceSecrets, secretsAt, type Redaction } from './redaction.ts'

/**
 * Puts back what an operator was not shown, where a payload that it gives still reads as it was shown. Elements of arrays are told
 * by what else they hold. Nothing of it depends on what the secrets are: not even on whether two of them are the same, or who
 * may not see them would find them out by trying.
 * @returns undefined where a text or a name is left that reads as hidden and cannot be put back: nobody has meant that
 */
export function restoreHidden(
  { places }: Redaction,
  given: unknown,
  stored: unknown,
): { readonly value: unknown } | undefined {
  if (places.length === 0) return { value: given }
  const shown = replaceSecrets(places, stored, () => hidden)
  const sealed = replaceSecrets(places, stored, (value) => new Sealed(value))
  const restored = restore(given, shown, sealed)
  if (secretsAt(places, restored).some((value) => countHidden(value).size > 0)) return undefined
  const before = countHidden(sealed)
  if ([...countHidden(restored)].some(([text, count]) => count > (before.get(text) ?? 0))) return undefined
  return { value: unseal(restored) }
}

/** What stands at a secret place: nothing looks at it until it is put back. */
class Sealed {
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  open(): unknown {
    return this.#value
  }
}

function unseal(value: unknown): unknown {
  if (value instanceof Sealed) return unseal(value.open())
  if (Array.isArray(value)) return value.map(unseal)
  if (!isObject(value)) return value
  const opened = {}
  for (const [name, member] of Object.entries(value)) put(opened, name, unseal(member))
  return opened
}

function restore(given: unknown, shown: unknown, sealed: unknown): unknown {
  if (isDeepStrictEqual(given, shown)) return sealed
  if (Array.isArray(given))
    return Array.isArray(shown) && Array.isArray(sealed) ? restoreElements(given, shown, sealed) : given
  if (!isObject(given) || !isObject(shown) || !isObject(sealed)) return given
  if (Array.isArray(shown) || Array.isArray(sealed)) return given
  return restoreMembers(given, shown, sealed)
}

type Members = Readonly<Record<string, unknown>>

function restoreMembers(given: Members, shown: Members, sealed: Members): object {
  const restored = {}
  for (const [name, member] of Object.entries(given)) {
    const isThere = Object.hasOwn(shown, name) && Object.hasOwn(sealed, name)
    put(restored, name, isThere ? restore(member, shown[name], sealed[name]) : member)
  }
  return restored
}

// A member called `__proto__` is one like any other.
function put(into: object, name: string, value: unknown): void {
  Object.defineProperty(into, name, { configurable: true, enumerable: true, writable: true, value })
}

function restoreElements(
  given: readonly unknown[],
  shown: readonly unknown[],
  sealed: readonly unknown[],
): unknown[] {
  const isSame = (at: number): boolean => at < shown.length && isDeepStrictEqual(given[at], shown[at])
  const others = given.filter((_, at) => !isSame(at)).length
  const places = Map.groupBy(shown.keys(), (at) => digestOf(shown[at]))
  return given.map((element, at) => {
    if (countHidden(element).size === 0) return element
    // In an array of as many elements, one that reads as before is where it was.
    if (given.length === shown.length && isSame(at)) return sealed[at]
    const [first, another] = places.get(digestOf(element)) ?? []
    if (first !== undefined) return another === undefined ? sealed[first] : element
    const isEdited = given.length === shown.length && others === 1
    return isEdited ? restore(element, shown[at], sealed[at]) : element
  })
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !(value instanceof Sealed)
}

function countHidden(value: unknown): Map<string, number> {
  const counts = new Map<string, number>()
  eachHidden(value, (text) => counts.set(text, (counts.get(text) ?? 0) + 1))
  return counts
}

/** Texts and names that hold the sign. */
function eachHidden(value: unknown, visit: (text: string) => void): void {
  if (typeof value === 'string' && value.includes(hidden)) visit(value)
  if (!isObject(value)) return
  for (const [name, member] of Object.entries(value)) {
    if (name.includes(hidden)) visit(name)
    eachHidden(member, visit)
  }
}
