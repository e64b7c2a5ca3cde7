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
  /** Its id, where it is not the row's id with the index: an item that was moved here from the waiting lane. */
  readonly id?: string
  /** When it was accepted, in milliseconds, where it was not with its row. */
  readonly e?: number
  /** Attempts that have ended before it came here. */
  readonly a?: number
}

/** Writes an entry around an input that is JSON text already. */
export function writeEntry(
  definitionId: string,
  key: string | null,
  inputText: string,
  context: RequestContext | undefined,
): string {
  let text = `{"d":"${definitionId}"`
  if (key !== null) text += `,"k":${JSON.stringify(key)}`
  if (context !== undefined) text += `,"c":${JSON.stringify(context)}`
  return `${text},"i":${inputText}}`
}

/** An entry of the waiting lane on its way into the log: with the id, the time and the attempts that the lane's row says. */
export function moveEntry(text: string, id: string, enqueuedAt: number, attempts: number): string {
  return `{"id":"${id}","e":${enqueuedAt},"a":${attempts},${text.slice(1)}`
}
