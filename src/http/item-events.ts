import { CoatcheckError } from '../base/errors.ts'
import { hasEnded, type Item } from '../define/item.ts'
import type { Standing } from '../engine/face.ts'
import { standingOf, statusOf, type ItemSurroundings } from './items.ts'
import { answerNothing, type Answer, type HttpRequest } from './message.ts'

/** Event streams open at once on a node: each looks its item up once a second. */
const maxStreams = 500
const lookMs = 1_000
/** A stream on which nothing happens says so, or a proxy between would cut it. */
const quietMs = 15_000
/** How long a client waits before it comes again after its connection was lost. */
const retryMs = 2_000

const open = new WeakMap<ItemSurroundings['road'], { count: number }>()

/**
 * `GET /queue-items/{id}/events`: Server-Sent Events (WHATWG HTML, 9.2). Each event is the status of the item; the stream ends
 * with the item. Whoever comes again with the `Last-Event-ID` of that end gets 204, at which an EventSource stops.
 * @throws CoatcheckError `STREAMS_FULL`, and what looking the item up throws
 */
export async function getEvents(request: HttpRequest, id: string, door: ItemSurroundings): Promise<Answer> {
  const first = await standingOf(request, id, door)
  if (hasEnded(first.item) && request.headers.get('last-event-id') === eventId(first.item))
    return answerNothing()
  const streams = open.get(door.road) ?? { count: 0 }
  open.set(door.road, streams)
  if (streams.count >= maxStreams)
    throw new CoatcheckError(
      'STREAMS_FULL',
      `this node has ${maxStreams} event streams open, as many as it may; poll ${door.basePath}/queue-items/{id}?wait=20s, or try again`,
      { retryAfterMs: 5_000 },
    )
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
    body: tellChanges(request, first, door, streams),
  }
}

/** Nothing is looked up that the client does not read. */
async function* tellChanges(
  request: HttpRequest,
  first: Standing,
  door: ItemSurroundings,
  streams: { count: number },
): AsyncGenerator<string> {
  // Counted from the first read to the last: a HEAD never reads.
  streams.count++
  const { released } = door.waits
  try {
    yield `retry: ${retryMs}\n\n`
    let told = ''
    let toldAt = performance.now()
    for (let standing: Standing | undefined = first; standing;) {
      const data = JSON.stringify(statusOf(standing.item, door))
      if (data !== told) yield `event: status\nid: ${eventId(standing.item)}\ndata: ${data}\n\n`
      else if (performance.now() - toldAt > quietMs) yield ': nothing new\n\n'
      if (data !== told || performance.now() - toldAt > quietMs) toldAt = performance.now()
      told = data
      if (hasEnded(standing.item) || released.aborted || request.isAborted) return
      standing = await door.waits.standing(standing.item.id, lookMs, request)
      // a stream outlives the key that it was opened with, else
      if (!(await door.isStillKnown())) return
    }
  } finally {
    streams.count--
  }
}

function eventId({ state, attempts }: Item): string {
  return `${state}-${attempts}`
}
