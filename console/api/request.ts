import { operateUrl, type Query } from './base-path.ts'
import { CallFailed, readProblem } from './call-failed.ts'
import { giveActBack, takeAct } from './refresh.ts'

/** How calls go, for whoever shows it. */
export interface CallWatch {
  /** The session is over, or there was none. */
  readonly signedOut: () => void
  readonly answered: () => void
  readonly unreachable: () => void
}

let watch: CallWatch | undefined

export function watchCalls(watcher: CallWatch): void {
  watch = watcher
}

export interface CallOptions {
  readonly query?: Query | undefined
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** @throws CallFailed */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, options)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

/**
 * As {@link call}, with the answer as it comes.
 * @throws CallFailed
 */
export async function send(method: Method, path: string, options: CallOptions = {}): Promise<Response> {
  const { query, body, signal } = options
  const isTheirs = takeAct() || method !== 'GET'
  const response = await fetch(operateUrl(path, query), {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      // a page that is left open asks for ever; a session is to end by its idle limit all the same
      ...(isTheirs ? {} : { 'coatcheck-refresh': '1' }),
    },
    credentials: 'same-origin',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (isTheirs) giveActBack()
    if (signal?.aborted) throw error
    watch?.unreachable()
    throw new CallFailed(0, 'UNREACHABLE', 'The node does not answer')
  })
  if (response.ok) {
    watch?.answered()
    return response
  }
  const problem = await readProblem(response)
  // a node that has no stream left answers all else
  if (response.status >= 502 && problem.code !== 'STREAMS_FULL') watch?.unreachable()
  else watch?.answered()
  if (problem.code === 'SIGN_IN_REQUIRED') watch?.signedOut()
  throw problem
}

/** The lines of an answer of newline-delimited JSON, as they come. */
export async function* readLines<T>(response: Response): AsyncGenerator<T> {
  if (!response.body) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read().catch(lostOnTheWay)
    if (done) break
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T
}

/** What was sent is not taken back: so it is told apart from an answer that never came. */
function lostOnTheWay(error: unknown): never {
  if (error instanceof DOMException && error.name === 'AbortError') throw error
  throw new CallFailed(0, 'UNREACHABLE', 'The connection was lost before the end of the answer')
}
