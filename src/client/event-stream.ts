import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { failureOf, isGood, readAnswer } from './answer.ts'
import { CallFailedError } from './call-failed.ts'
import { hasEnded, type ItemStatus } from './item-status.ts'
import { pause } from './pause.ts'
import { longestPauseMs, passing, type Sender } from './sender.ts'

/** Before the next connection, unless the node says. */
const usualPauseMs = 2_000
const shortestPauseMs = 200
/** In a row; between them it takes four minutes to ten. */
const mostFailures = 12
/** The node says something every 15 s: a connection that says nothing for that long leads nowhere. */
const silentMs = 45_000

/**
 * The status of an item as Server-Sent Events tell it; over a connection that is lost it goes on with the next.
 * @throws CallFailedError also where no connection could be made any more
 */
export async function* followItem(
  open: Sender['open'],
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ItemStatus> {
  let lastEventId: string | undefined
  let told = ''
  let retryMs = usualPauseMs
  const onRetry = (ms: number): void => {
    retryMs = Math.min(Math.max(ms, shortestPauseMs), longestPauseMs)
  }
  let wasConnected = false
  for (let failures = 0; ;) {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    }
    let stream: ReadableStream<Uint8Array> | undefined
    try {
      stream = await connect(open, url, { headers, signal, isFirst: !wasConnected })
    } catch (error) {
      failures++
      if (!wasConnected || failures >= mostFailures || !mayPass(error)) throw error
      const askedMs = Math.max(error.retryAfterMs ?? 0, retryMs * 2 ** (failures - 1))
      await pause(Math.min(askedMs, longestPauseMs), signal)
      continue
    }
    if (!stream) return
    wasConnected = true
    failures = 0
    for await (const { id, event, data } of readEvents(stream, onRetry, signal)) {
      if (event !== 'status') continue
      lastEventId = id
      const status = readStatus(url, data)
      // A new connection begins with how it stands.
      if (data !== told) yield status
      told = data
      if (hasEnded(status)) return
    }
    await pause(retryMs, signal)
  }
}

interface Connecting {
  readonly headers: Record<string, string>
  readonly signal: AbortSignal | undefined
  readonly isFirst: boolean
}

/**
 * Undefined where the node has nothing more to tell.
 * @throws CallFailedError
 */
async function connect(
  open: Sender['open'],
  url: string,
  { headers, signal, isFirst }: Connecting,
): Promise<ReadableStream<Uint8Array> | undefined> {
  // the next ones have pauses of their own
  const response = await open(url, { method: 'GET', headers }, { signal, isSafe: isFirst })
  if (response.status === 204) return undefined
  if (!isGood(response) || !response.body) throw failureOf(await readAnswer(response))
  if (/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) return response.body
  await response.body.cancel()
  const { status } = response
  const detail = `${url} answered ${status} with what are no events; is baseUrl that of a node?`
  throw new CallFailedError({ code: `HTTP_${status}`, status, detail })
}

/** Whether the next attempt may be answered: nobody was there, or who was has no time. */
function mayPass(error: unknown): error is CallFailedError {
  return error instanceof CallFailedError && (error.status === undefined || passing.has(error.status))
}

/** @throws CallFailedError */
function readStatus(url: string, data: string): ItemStatus {
  try {
    return JSON.parse(data) as ItemStatus
  } catch (error) {
    const detail = `${url} told an event that is no JSON; is baseUrl that of a node?`
    throw new CallFailedError({ code: 'HTTP_200', status: 200, detail, cause: error })
  }
}

/** The events of a connection until it has ended, was lost or fell silent. Streams have no asynchronous iteration in all browsers. */
async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  onRetry: (ms: number) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event), onRetry })
  // a read that waits gets the end, then
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  signal?.addEventListener('abort', cancel)
  try {
    for (;;) {
      const timer = setTimeout(cancel, silentMs)
      // what was lost the next connection goes on with
      const piece = await reader.read().catch(() => undefined)
      clearTimeout(timer)
      signal?.throwIfAborted()
      if (!piece?.value) return
      parser.feed(decoder.decode(piece.value, { stream: true }))
      yield* events.splice(0)
    }
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}
