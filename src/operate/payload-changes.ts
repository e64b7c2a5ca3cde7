/** A place of a payload that an edit has changed, as the audit keeps it. */
export interface PayloadChange {
  /** A JSON Pointer. */
  readonly pointer: string
  readonly before?: unknown
  readonly after?: unknown
}

const maxChanges = 50
const maxCharacters = 200

/** Where two payloads differ: the deepest places, with what stands there, shortened. */
export function changesBetween(before: unknown, after: unknown): PayloadChange[] {
  const changes: PayloadChange[] = []
  compare(before, after, '', changes)
  return changes
}

function compare(before: unknown, after: unknown, pointer: string, changes: PayloadChange[]): void {
  if (changes.length >= maxChanges) return
  if (!isComparable(before, after)) {
    if (JSON.stringify(before) !== JSON.stringify(after))
      changes.push({ pointer, ...valueOf('before', before), ...valueOf('after', after) })
    return
  }
  for (const name of new Set([...namesOf(before), ...namesOf(after)]))
    compare(memberOf(before, name), memberOf(after, name), `${pointer}/${escapeStep(name)}`, changes)
}

/** Both objects, or both arrays. */
function isComparable(before: unknown, after: unknown): boolean {
  return isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function namesOf(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : []
}

function memberOf(value: unknown, name: string): unknown {
  if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

function escapeStep(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function valueOf(name: 'before' | 'after', value: unknown): Partial<PayloadChange> {
  if (value === undefined) return {}
  const text = JSON.stringify(value)
  return { [name]: text.length <= maxCharacters ? value : `${text.slice(0, maxCharacters)}…` }
}
