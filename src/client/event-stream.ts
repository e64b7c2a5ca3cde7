import { EventSourceParserStream } from 'eventsource-parser/stream'
import { failureOf } from './call-failed.ts'
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
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())
    try {
      for await (const { id, event, data } of events) {
        if (event !== 'status') continue
        lastEventId = id
        const status = JSON.parse(data) as ItemStatus
        // A new connection begins with how it stands.
        if (data !== told) yield status
        told = data
        if (hasEnded(status)) return
      }
    } catch (error) {
      if (signal?.aborted) throw error
      // lost: the next one goes on
    }
    await new Promise((resolve) => setTimeout(resolve, firstPauseMs))
  }
}
