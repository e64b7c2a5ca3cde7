import { CoatcheckError } from '../base/errors.ts'
import type { Answer } from '../http/message.ts'
import type { OperatorCall } from './route.ts'

/** Of each node. Browsers open one for all their pages. */
const maxStreams = 200
const knownEveryMs = 3_000
const quietMs = 15_000
/** How long a client waits before it comes again after its connection was lost. */
const retryMs = 2_000

type Call = Pick<OperatorCall<unknown, unknown>, 'request' | 'released' | 'isStillKnown'>

/** Streams of Server-Sent Events (WHATWG HTML, 9.2) of one node. */
export class EventStreams {
  #open = 0

  /**
   * Answers with what `look` finds, each time it is asked, until the client leaves, its session is over or the node stops.
   * @param everyMs how often it is asked; only while the client reads
   * @param onEnd told once, when the stream has ended
   * @throws CoatcheckError `STREAMS_FULL`
   */
  open(
    call: Call,
    everyMs: number,
    look: () => Promise<readonly { event: string; data: unknown }[]>,
    onEnd: () => void = () => {},
  ): Answer {
    if (this.#open >= maxStreams)
      throw new CoatcheckError(
        'STREAMS_FULL',
        `this node has ${maxStreams} event streams of operators open, as many as it may; close some, or ask another node`,
        { retryAfterMs: 5_000 },
      )
    return {
      status: 200,
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
      body: this.#tell(call, everyMs, look, onEnd),
    }
  }

  async *#tell(
    { request, released, isStillKnown }: Call,
    everyMs: number,
    look: () => Promise<readonly { event: string; data: unknown }[]>,
    onEnd: () => void,
  ): AsyncGenerator<string> {
    // Counted from the first read to the last: a HEAD never reads.
    this.#open++
    const over = AbortSignal.any([released, request.signal])
    let toldAt = performance.now()
    let knownAt = toldAt
    try {
      yield `retry: ${retryMs}\n\n`
      while (!over.aborted && !request.isAborted) {
        const now = performance.now()
        if (now - knownAt >= knownEveryMs) {
          if (!(await isStillKnown())) return
          knownAt = now
        }
        const parts = await look()
        const text = parts
          .map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
          .join('')
        if (text !== '') yield text
        else if (now - toldAt >= quietMs) yield ': ping\n\n'
        if (text !== '' || now - toldAt >= quietMs) toldAt = now
        await pause(everyMs, over)
      }
    } finally {
      this.#open--
      onEnd()
    }
  }
}

/** Resolves after so long, or when it is over. */
function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      over.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    over.addEventListener('abort', end)
    if (over.aborted) end()
  })
}
