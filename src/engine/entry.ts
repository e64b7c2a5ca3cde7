import type { FailureRecord } from '../define/failure.ts'
import type { RequestContext } from '../define/item.ts'

/** An item as it lies in the log: short names, since each is repeated in every row. The SQL function `enqueue` writes the same. */
export interface Entry {
  /** The definition's id. */
  readonly d: string
  /** The partition key. */
  readonly k?: string
  /** The input, as JSON. */
  readonly i: unknown
  /** The context, where it says anything. */
  readonly c?: RequestContext
  /** The URL that its end is posted to. */
  readonly b?: string
  /** Its id, where it is not the row's id with the index: an item that was moved here from the waiting lane. */
  readonly id?: string
  /** When it was accepted, in milliseconds, where it was not with its row. */
  readonly e?: number
  /** Attempts that have ended before it came here, or to the lane. */
  readonly a?: number
  /** What its first attempt failed with, which was made in a request: it counts in `a`, and holds its key from its turn on. */
  readonly f?: FailureRecord
  /** When the next attempt is due then, in milliseconds. */
  readonly w?: number
}

/** Writes an entry around an input that is JSON text already. */
export function writeEntry(
  definitionId: string,
  key: string | null,
  inputText: string,
  context: RequestContext | undefined,
  callback?: string,
): string {
  let text = `{"d":"${definitionId}"`
  if (key !== null) text += `,"k":${JSON.stringify(key)}`
  if (context !== undefined) text += `,"c":${JSON.stringify(context)}`
  if (callback !== undefined) text += `,"b":${JSON.stringify(callback)}`
  return `${text},"i":${inputText}}`
}

/** An entry whose first attempt has failed in a request. */
export function failedEntry(text: string, failure: FailureRecord, dueAt: number): string {
  return `{"f":${JSON.stringify(failure)},"w":${dueAt},"a":1,${text.slice(1)}`
}

/** An entry of the waiting lane on its way into the log: with the id, the time and the attempts that the lane's row says. */
export function moveEntry(text: string, id: string, enqueuedAt: number, attempts: number): string {
  return `{"id":"${id}","e":${enqueuedAt},"a":${attempts},${text.slice(1)}`
}

/** An entry with another input, which is JSON text. */
export function editEntry(text: string, input: string): string {
  const { i: _i, ...rest } = JSON.parse(text) as Entry
  return `${JSON.stringify(rest).slice(0, -1)},"i":${input}}`
}

/** An entry of the broken lane on its way into the log once more, with its id and no attempts. */
export function requeueEntry(text: string, id: string, enqueuedAt: number): string {
  const { f: _f, w: _w, ...entry } = JSON.parse(text) as Entry
  return JSON.stringify({ ...entry, id, e: enqueuedAt, a: 0 })
}
