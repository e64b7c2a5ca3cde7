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

  constructor({ code, detail, status, title, errors, reference, retryAfterMs, cause }: ProblemDetails) {
    super(detail, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.title = title
    this.errors = errors ?? []
    this.reference = reference
    this.retryAfterMs = retryAfterMs
  }
}

/** The failure that an answer stands for, whether it is a problem document or whatever a proxy on the way made up. */
export async function failureOf(response: Response): Promise<CallFailedError> {
  const { status, statusText, url } = response
  const text = await response.text().catch(() => '')
  const problem = readProblem(response, text)
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'))
  return new CallFailedError({
    code: `HTTP_${status}`,
    detail: `${new URL(url || 'http://unknown').pathname} answered ${status} ${statusText}`.trim(),
    ...problem,
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function readProblem(response: Response, text: string): Partial<ProblemDetails> {
  if (!/^application\/problem\+json\b/i.test(response.headers.get('content-type') ?? '')) return {}
  try {
    const body = JSON.parse(text) as Record<string, unknown>
    const told = Object.fromEntries(
      ['code', 'detail', 'title', 'reference'].flatMap((name) =>
        typeof body[name] === 'string' ? [[name, body[name]]] : [],
      ),
    )
    return {
      ...told,
      ...(Array.isArray(body['errors']) && {
        errors: body['errors'] as NonNullable<ProblemDetails['errors']>,
      }),
    }
  } catch {
    // cut off, or no JSON at all: the status says what there is to say
    return {}
  }
}
