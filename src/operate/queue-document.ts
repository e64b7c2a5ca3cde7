import { queuesOf, type Definition } from '../define/definition.ts'
import type { Figures, QueueFigure } from '../engine/queue-figures.ts'
import { z } from './schema.ts'

export const queueState = z.enum(['running', 'paused', 'stopped'])

const count = z.number().int()

export const queueShape = z.object({
  name: z.string(),
  processors: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['queue-processor', 'service']),
      application: z.string(),
    }),
  ),
  state: queueState,
  since: z.date().optional().describe('When it was brought into its state'),
  ready: count,
  running: count,
  scheduled: count,
  held: count,
  deferred: count,
  broken: count,
  processedLastHour: count.describe('Succeeded or broken'),
  failedLastHour: count.describe('Attempts'),
  oldestAgeMs: z.number().optional().describe('How long the oldest item has waited for its turn'),
  concurrency: z.object({
    set: z.number().optional(),
    defined: count.describe('On a node, by the definitions that this node knows'),
  }),
  partitions: count,
  generation: count,
  maxWaiting: count,
  blockedKeys: count,
  sparkline: z.array(z.number()).describe('How many ended in each of the last 60 minutes'),
})

export type QueueDocument = z.infer<typeof queueShape>

const minuteMs = 60_000

/** A queue as operators see it. */
export function toQueueDocument(
  queue: QueueFigure,
  { at, hours, definitions: declared }: Figures,
  definitions: ReadonlyMap<string, Definition>,
): QueueDocument {
  const hour = hours.get(queue.queue)
  const here = [...definitions.values()].filter((one) => queuesOf(one).includes(queue.name))
  const known = new Set(here.map(({ id }) => id))
  const others = declared
    .filter((one) => one.queue === queue.queue && !known.has(one.id))
    .map(({ id, application }) => ({ id, application }))
  return {
    name: queue.name,
    processors: [...here, ...others].map(({ id, application }) => ({ ...nameOf(id), application })),
    state: queue.state,
    ...(queue.since !== undefined && { since: new Date(queue.since) }),
    ready: queue.ready,
    running: queue.running,
    scheduled: queue.scheduled,
    held: queue.held,
    deferred: queue.deferred,
    broken: queue.broken,
    processedLastHour: (hour?.succeeded ?? 0) + (hour?.broken ?? 0),
    failedLastHour: hour?.failed ?? 0,
    ...(queue.oldestAgeMs !== undefined && { oldestAgeMs: Math.round(queue.oldestAgeMs) }),
    concurrency: {
      ...(queue.perNode !== undefined && { set: queue.perNode }),
      defined: here.reduce((sum, { concurrency, run }) => sum + (run ? concurrency : 0), 0),
    },
    partitions: queue.partitions,
    generation: queue.generation,
    maxWaiting: queue.maxWaiting,
    blockedKeys: queue.blockedKeys,
    sparkline: sparklineOf(hour?.ended ?? [], at),
  }
}

/** A definition's id says what it is. */
export function nameOf(id: string): { name: string; kind: Definition['kind'] } {
  const service = /^service:(.*)$/s.exec(id)?.[1]
  return service === undefined ? { name: id, kind: 'queue-processor' } : { name: service, kind: 'service' }
}

function sparklineOf(ended: readonly (readonly [number, number])[], now: number): number[] {
  const line = Array.from({ length: 60 }, () => 0)
  const last = Math.floor(now / minuteMs)
  for (const [at, count] of ended) {
    const minute = 59 - (last - Math.round(at / minuteMs))
    if (minute >= 0 && minute < 60) line[minute] = count
  }
  return line
}
