import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { CallFailedError, failureOf } from './call-failed.ts'
import { hasEnded, type ItemStatus } from './item-status.ts'
import type { Send } from './sender.ts'

const firstPauseMs = 2_000

/** The status of an item as Server-Sent Events tell it; over a connection that is lost it goes on with the next. */
export async function* followItem(
  send: Send,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ItemStatus> {
  let lastEventId: string | undefined
  let told = ''
  for (;;) {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    }
    const response = await send(url, { method: 'GET', headers }, { signal, isSafe: true })
    if (response.status === 204) return
    if (!response.ok || !response.body) throw await failureOf(response)
    for await (const { id, event, data } of readEvents(response.body, signal)) {
      if (event !== 'status') continue
      lastEventId = id
      const status = readStatus(url, data)
      // A new connection begins with how it stands.
      if (data !== told) yield status
      told = data
      if (hasEnded(status)) return
    }
    await new Promise((resolve) => setTimeout(resolve, firstPauseMs))
  }
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

/** The events of a connection until it has ended or was lost. Streams have no asynchronous iteration in all browsers. */
async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  try {
    for (;;) {
      // what was lost the next connection goes on with
      const piece = await reader.read().catch(() => undefined)
      signal?.throwIfAborted()
      if (!piece?.value) return
      parser.feed(decoder.decode(piece.value, { stream: true }))
      yield* events.splice(0)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
