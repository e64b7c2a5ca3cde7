/** Both `Headers` and what a listener of ours makes of a request. */
export interface RequestHeaders {
  /** @param name in lower case; what was sent more than once is joined by commas */
  get(name: string): string | null
  /** @param name in lower case */
  has(name: string): boolean
}

/** A request as the door reads it, whether a listener of ours took it or a server that mounts `node.fetch`. */
export interface HttpRequest {
  readonly method: string
  /** Without the query, decoded once as a URI. */
  readonly path: string
  /** To whom its target is addressed: host and port. */
  readonly host: string
  /** Scheme, host and port: what links begin with. */
  readonly origin: string
  readonly query: URLSearchParams
  readonly headers: RequestHeaders
  /** Whether the client has gone before it had its answer. */
  readonly isAborted: boolean
  /** Aborted when the client goes before it has its answer. */
  readonly signal: AbortSignal
  /** False only where it is certain without reading. */
  readonly mayHaveBody: boolean
  /**
   * Reads the body. Of one that is longer the rest is left to the server: to cut the line now would take the answer with it.
   * @returns undefined where it is longer
   */
  readBody(maxBytes: number): Promise<Uint8Array | undefined>
}

/** An answer, before anything is sent. */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Record<string, string>
  /** Values of `Set-Cookie`, which cannot be joined into one header. */
  readonly cookies?: readonly string[]
  /** All of it, or piece by piece: then it is read as fast as the client reads. */
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array> | null
  /** Called once all of the body has gone out; not of one that was cut off, nor where there was none to send. Never rejects. */
  readonly onSent?: () => Promise<void>
}

/** An answer in JSON. */
export function answerJson(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

/** 204: it was done, and there is nothing to say. */
export function answerNothing(): Answer {
  return { status: 204, headers: {}, body: null }
}

/** The client has gone, so nobody reads it. The status is the one that logs of web servers know. */
export function answerNobody(): Answer {
  return { status: 499, headers: {}, body: null }
}

/** Statuses whose answers have no body (RFC 9110, 15). */
const bodiless = new Set([204, 205, 304])

export function hasNoBody(status: number): boolean {
  return bodiless.has(status)
}

/** Puts headers on an answer. */
export function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  Object.assign(answer.headers, headers)
  return answer
}

/** The path of a target, as routes are written; what is no valid escape stays as it is. */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path
  try {
    // an escaped percent sign would be read a second time with the parameters
    return decodeURI(path.replaceAll('%25', '%2525'))
  } catch {
    return path
  }
}
