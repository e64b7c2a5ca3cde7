import { isDeepStrictEqual } from 'node:util'
import { digestOf } from '../engine/prepare.ts'
import { hidden, secretsAt, type Redaction } from './redaction.ts'

/**
 * Puts back what an operator was not shown, where a payload that it gives still reads as it was shown. Elements of arrays are told
 * by what else they hold; where they cannot be told apart they stay as they are given.
 */
export function restoreHidden(redaction: Redaction, given: unknown, stored: unknown): unknown {
  if (redaction.places.length === 0) return given
  return restore(redaction.text, given, redaction.payload(stored), stored)
}

/** Whether a payload has a text or a name that reads as one that was not shown, more often than before: nobody has meant that. */
export function isStillHidden(redaction: Redaction, restored: unknown, stored: unknown): boolean {
  if (redaction.places.length === 0) return false
  const isSign = (value: unknown): boolean => value === hidden
  if (secretsAt(redaction.places, restored).some(isSign))
    if (!secretsAt(redaction.places, stored).some(isSign)) return true
  const before = countHidden(stored)
  return [...countHidden(restored)].some(([text, count]) => count > (before.get(text) ?? 0))
}

type HideText = Redaction['text']

function restore(hide: HideText, given: unknown, shown: unknown, stored: unknown): unknown {
  if (isDeepStrictEqual(given, shown)) return stored
  if (Array.isArray(given))
    return Array.isArray(shown) && Array.isArray(stored) ? restoreElements(hide, given, shown, stored) : given
  if (!isObject(given) || !isObject(shown) || !isObject(stored)) return given
  if (Array.isArray(shown) || Array.isArray(stored)) return given
  return restoreMembers(hide, given, shown, stored)
}

type Members = Readonly<Record<string, unknown>>

/** Names may be hidden, too; two that read the same cannot be told apart. */
function restoreMembers(hide: HideText, given: Members, shown: Members, stored: Members): object {
  const names = Map.groupBy(Object.keys(stored), hide)
  const restored = {}
  for (const [name, member] of Object.entries(given)) {
    const [was, another] = names.get(name) ?? []
    const isTold = was !== undefined && another === undefined && Object.hasOwn(shown, name)
    const value = isTold ? restore(hide, member, shown[name], stored[was]) : member
    Object.defineProperty(restored, isTold ? was : name, {
      configurable: true,
      enumerable: true,
      writable: true,
      value,
    })
  }
  return restored
}

function restoreElements(
  hide: HideText,
  given: readonly unknown[],
  shown: readonly unknown[],
  stored: readonly unknown[],
): unknown[] {
  const isSame = (at: number): boolean => at < shown.length && isDeepStrictEqual(given[at], shown[at])
  const others = given.filter((_, at) => !isSame(at)).length
  const places = Map.groupBy(shown.keys(), (at) => digestOf(shown[at]))
  return given.map((element, at) => {
    if (!holdsHidden(element)) return element
    // In an array of as many elements, one that reads as before is where it was.
    if (given.length === shown.length && isSame(at)) return stored[at]
    const [first, ...more] = (places.get(digestOf(element)) ?? []).map((place) => stored[place])
    if (first !== undefined) return more.every((one) => isDeepStrictEqual(one, first)) ? first : element
    const isEdited = given.length === shown.length && others === 1
    return isEdited ? restore(hide, element, shown[at], stored[at]) : element
  })
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}

function holdsHidden(value: unknown): boolean {
  return countHidden(value).size > 0
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
