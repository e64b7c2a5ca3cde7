import { readRetryAfter } from '../base/retry-after.ts'

/** What a problem document says (RFC 9457), as far as it is known. */
export interface ProblemDetails {
  readonly status?: number
  readonly code: string
  readonly detail: string
  readonly title?: string
  /** Where in the input it is. */
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]
  /** What the log of the node has it under. */
  readonly reference?: string
  /** When trying again makes sense. */
  readonly retryAfterMs?: number
  /** The queue item that was asked for, or that the call had become by then. */
  readonly queueItemId?: string | undefined
  readonly cause?: unknown
}

/**
 * A call that was not answered with a result. `code` is that of the problem: the service's own, or one of `docs/reference/errors.md`;
 * `CONNECTION_FAILED` where there was no answer, `TIMEOUT` where it took too long.
 */
export class CallFailedError extends Error {
  override readonly name = 'CallFailedError'
  readonly code: string
  /** The HTTP status; undefined where there was no answer. */
  readonly status: number | undefined
  readonly title: string | undefined
  readonly errors: NonNullable<ProblemDetails['errors']>
  readonly reference: string | undefined
  /** Milliseconds. */
  readonly retryAfterMs: number | undefined
  /** The ticket, where there is one: of a call that was queued and waited for, it leads to the item that failed or is still open. */
  readonly queueItemId: string | undefined

  constructor(details: ProblemDetails) {
    const { code, detail, status, title, errors, reference, retryAfterMs, queueItemId, cause } = details
    super(detail, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.title = title
    this.errors = errors ?? []
    this.reference = reference
    this.retryAfterMs = retryAfterMs
    this.queueItemId = queueItemId
  }
}

/** What the answer itself says of its failure; nothing where it is no problem document. */
export function readProblem(headers: Headers, text: string): Partial<ProblemDetails> {
  const retryAfterMs = readRetryAfter(headers.get('retry-after'))
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (!/^application\/problem\+json\b/i.test(headers.get('content-type') ?? '')) return asked
  try {
    const body = JSON.parse(text) as Record<string, unknown>
    const told = Object.fromEntries(
      ['code', 'detail', 'title', 'reference'].flatMap((name) =>
        typeof body[name] === 'string' ? [[name, body[name]]] : [],
      ),
    )
    return {
      ...told,
      ...asked,
      ...(Array.isArray(body['errors']) && {
        errors: body['errors'] as NonNullable<ProblemDetails['errors']>,
      }),
    }
  } catch {
    // no JSON at all: the status says what there is to say
    return asked
  }
}
