interface ProblemDocument {
  readonly title?: unknown
  readonly detail?: unknown
  readonly code?: unknown
  readonly errors?: unknown
}

/** An answer that is a problem (RFC 9457), or none at all: then its status is 0. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
  readonly status: number
  readonly code: string
  /** What is wrong with what was sent, a sentence each, as far as the message does not say it. */
  readonly details: readonly string[]

  constructor(status: number, code: string, message: string, details: readonly string[] = []) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }

  /** Whether another try may do. */
  get isOutage(): boolean {
    return this.status === 0 || this.status >= 502
  }
}

/** Reads what a server, or a proxy before it, said instead of the answer. */
export async function readProblem(response: Response): Promise<CallFailed> {
  const text = await response.text().catch(() => '')
  const document = parseObject(text)
  const said = [document.detail, document.title].find((each): each is string => typeof each === 'string')
  const code = typeof document.code === 'string' ? document.code : `HTTP_${response.status}`
  const message = said ?? `The server answered ${response.status} ${response.statusText}`.trim()
  const details = readDetails(document.errors).filter((detail) => !isSaid(message, detail))
  return new CallFailed(response.status, code, message, details)
}

/** The message has the first of them, with their place as a pointer or as a name. */
function isSaid(message: string, detail: string): boolean {
  const forms = [/^#/, /^#?\//].map((before) => detail.replace(before, ''))
  return forms.some((form) => ` ${message};`.includes(` ${form};`))
}

function readDetails(errors: unknown): string[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((error: { detail?: unknown; pointer?: unknown } | null) => {
    if (typeof error?.detail !== 'string') return []
    const where = typeof error.pointer === 'string' && error.pointer !== '' ? `${error.pointer}: ` : ''
    return [where + error.detail]
  })
}

function parseObject(text: string): ProblemDocument {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
