import { CallFailedError, readProblem } from './call-failed.ts'

/** What an answer said, read to its end. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly url: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The queue item that was asked for. */
  readonly queueItemId: string | undefined
}

/**
 * Reads an answer to its end.
 * @param onPiece told of each piece, so that silence can be told from much to say
 */
export async function readAnswer(
  { status, statusText, headers, url, body }: Response,
  queueItemId?: string,
  onPiece?: () => void,
): Promise<Answer> {
  const pieces: Uint8Array[] = []
  // Streams have no asynchronous iteration in all browsers.
  const reader = body?.getReader()
  for (;;) {
    const piece = await reader?.read()
    if (!piece || piece.done) break
    pieces.push(piece.value)
    onPiece?.()
  }
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { status, statusText, headers, url, bytes, queueItemId }
}

export function isGood({ status }: { readonly status: number }): boolean {
  return status >= 200 && status < 300
}

export function textOf({ bytes }: Answer): string {
  return new TextDecoder().decode(bytes)
}

/** @throws CallFailedError where it is none: it was cut off, or whoever answered is no node */
export function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(textOf(answer)) as unknown
  } catch (error) {
    const { status, url, queueItemId } = answer
    const detail = `${url} answered ${status} with what is no JSON; is baseUrl that of a node?`
    throw new CallFailedError({ code: `HTTP_${status}`, status, detail, queueItemId, cause: error })
  }
}

/** Whether the answer is the ticket, and not a 202 of the service's own. */
export function isTicket({ status, headers }: Answer): boolean {
  return (
    status === 202 &&
    !headers.has('coatcheck-item-state') &&
    /\/queue-items\/[^/]+$/.test(headers.get('location') ?? '')
  )
}

/** The failure that an answer stands for, whether it is a problem document or whatever a proxy on the way made up. */
export function failureOf(answer: Answer): CallFailedError {
  const { status, statusText, url, headers } = answer
  // What waited and got its answer at once learns of its item only here.
  const waited = /\/queue-items\/([^/]+)\/result$/.exec(headers.get('content-location') ?? '')?.[1]
  return new CallFailedError({
    code: `HTTP_${status}`,
    detail: `${new URL(url || 'http://unknown').pathname} answered ${status} ${statusText}`.trim(),
    ...readProblem(headers, textOf(answer)),
    status,
    queueItemId: answer.queueItemId ?? waited,
  })
}
