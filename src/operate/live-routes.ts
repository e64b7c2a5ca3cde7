import type { Figures } from '../engine/queue-figures.ts'
import type { EventStreams } from './event-stream.ts'
import type { QueueParts } from './queue-parts.ts'
import { defineRoute, type OperatorRoute } from './route.ts'

const everyMs = 1_000

/** Hints for all pages of the console: what has changed, so that who shows it asks again. */
export function liveRoutes({ figures }: QueueParts, streams: EventStreams): OperatorRoute[] {
  // Made once of each look, however many streams ask.
  const digests = new WeakMap<Figures, Digest>()
  const digestOf = (seen: Figures): Digest => {
    const known = digests.get(seen) ?? digest(seen)
    digests.set(seen, known)
    return known
  }
  return [
    defineRoute({
      method: 'GET',
      path: '/live',
      role: 'observer',
      isRefresh: true,
      summary:
        'Server-Sent Events, at most one of a kind a second: overview, queues (with the names of those that have changed) and item.',
      handle: async (call) => {
        let before: Digest = { queues: new Map(), nodes: '', items: '' }
        return streams.open(call, everyMs, async () => {
          const seen = await figures.read()
          const now = digestOf(seen)
          const changed = [...now.queues].filter(([name, text]) => before.queues.get(name) !== text)
          const names = changed.map(([name]) => name)
          const parts: { event: string; data: unknown }[] = []
          const at = new Date(seen.at)
          if (names.length > 0 || now.nodes !== before.nodes) parts.push({ event: 'overview', data: { at } })
          if (names.length > 0 || now.queues.size < before.queues.size)
            parts.push({ event: 'queues', data: { at, names: names.slice(0, 100) } })
          if (now.items !== before.items) parts.push({ event: 'item', data: { at } })
          before = now
          return parts
        })
      },
    }),
  ]
}

interface Digest {
  readonly queues: ReadonlyMap<string, string>
  readonly nodes: string
  readonly items: string
}

/** What is shown of things, without ages: the same text where nothing has changed. */
function digest({ queues, nodes, hours }: Figures): Digest {
  return {
    queues: new Map(
      queues.map((queue) => [
        queue.name,
        JSON.stringify([{ ...queue, oldestAgeMs: undefined }, hours.get(queue.queue)]),
      ]),
    ),
    nodes: JSON.stringify(
      nodes.map(({ bootId, isAlive, owned, report }) => [bootId, isAlive, owned, report?.running]),
    ),
    items: JSON.stringify([
      queues.map(({ waiting, running, broken }) => [waiting, running, broken]),
      [...hours.values()],
    ]),
  }
}
