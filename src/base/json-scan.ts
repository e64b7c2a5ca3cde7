import { showValue } from './shown-value.ts'

/** Something in a JSON value that we do not store. */
export interface Forbidden {
  readonly path: readonly (string | number)[]
  readonly detail: string
}

/**
 * Finds the first own `__proto__` key (dangerous to whoever merges the value), NUL character (PostgreSQL refuses it in
 * text) or lone surrogate (there is no UTF-8 for it). The value comes from JSON.parse and is at most 512 levels deep, so
 * recursion is safe.
 */
export function findForbidden(value: unknown): Forbidden | undefined {
  if (typeof value === 'string') return findInText(value, 'a string')
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const found = findForbidden(value[index])
      if (found) return { path: [index, ...found.path], detail: found.detail }
    }
    return undefined
  }
  // not entries: an array for each of 100,000 members takes longer than all else
  for (const key of Object.keys(value)) {
    const found =
      key === '__proto__'
        ? { path: [], detail: 'the key "__proto__"' }
        : (findInText(key, 'a key') ?? findForbidden((value as Record<string, unknown>)[key]))
    if (found) return { path: [key, ...found.path], detail: found.detail }
  }
  return undefined
}

function findInText(text: string, what: string): Forbidden | undefined {
  if (text.includes('\0')) return { path: [], detail: `a NUL character (\\u0000) in ${what}` }
  if (!text.isWellFormed()) return { path: [], detail: `a lone surrogate in ${what}, which is non-UTF-8` }
  return undefined
}

/** A JSON Pointer (RFC 6901): `/lines/0/amount`, empty for the whole value. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

const quote = 34
const backslash = 92

/** Whether the arrays and objects of a JSON text nest deeper than `limit`. Also ends on text that is no JSON. */
export function isTextDeeperThan(text: string, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = endOfString(text, at)
    } else if (code === 91 || code === 123) {
      depth += 1
      if (depth > limit) return true
    } else if (code === 93 || code === 125) {
      depth -= 1
    }
  }
  return false
}

/** The place of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes += 1
    if (slashes % 2 === 0) return at
  }
}

/** Whether a value nests deeper than `limit`; a cycle does. Goes no further than it must, also through endless proxies. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  try {
    return walkMembers(value, limit, () => undefined) !== undefined
  } catch {
    return false
  }
}

/** Says where a value holds a BigInt or a cycle: the end of a sentence that begins with what it is. */
export function describeUnwritable(value: unknown, limit: number): string | undefined {
  try {
    return walkMembers(value, limit, (member, path, parents) => {
      const where = path.length === 0 ? '' : ` at ${jsonPointer(path)}`
      if (typeof member === 'bigint')
        return `has the BigInt ${showValue(member)}${where}; write it as a string`
      if (typeof member === 'object' && member !== null && parents.includes(member))
        return `refers back to itself${where}, a cycle that JSON cannot hold`
      return undefined
    })
  } catch {
    return undefined
  }
}

type Visit = (member: unknown, path: readonly string[], parents: readonly object[]) => string | undefined

/** A graph of shared objects has more paths than anyone can walk. */
const maxVisits = 1_000_000

/** Visits members in depth until one says something; beyond `limit` levels it says `is too deep`. */
function walkMembers(root: unknown, limit: number, visit: Visit): string | undefined {
  const path: string[] = []
  const parents: object[] = []
  let visits = 0
  const descend = (value: unknown): string | undefined => {
    const said = visit(value, path, parents)
    if (said !== undefined) return said
    visits += 1
    if (visits > maxVisits) throw new Error('gave up')
    if (typeof value !== 'object' || value === null) return undefined
    if (parents.length >= limit) return 'is too deep'
    parents.push(value)
    for (const key of Object.keys(value)) {
      path.push(key)
      const below = descend((value as Record<string, unknown>)[key])
      if (below !== undefined) return below
      path.pop()
    }
    parents.pop()
    return undefined
  }
  return descend(root)
}
