import type { Engine } from '../engine/engine.ts'
import { brokenRoutes } from './broken-routes.ts'
import { EventStreams } from './event-stream.ts'
import { liveRoutes } from './live-routes.ts'
import { overviewRoutes } from './overview-routes.ts'
import { queueRoutes } from './queue-routes.ts'
import type { OperatorRoute } from './route.ts'
import { serviceRoutes } from './service-routes.ts'
import type { TryParts } from './service-try.ts'
import { traceRoutes } from './trace-routes.ts'

/** What operators see of work as a whole, and do to it: queues, nodes, services, alerts. */
export function workRoutes(parts: Omit<TryParts, 'road'> & { readonly engine: Engine }): OperatorRoute[] {
  const { engine } = parts
  const streams = new EventStreams()
  return [
    ...overviewRoutes(engine),
    ...queueRoutes(engine),
    ...brokenRoutes(engine),
    ...serviceRoutes(parts),
    ...liveRoutes(engine, streams),
    ...traceRoutes(engine, streams),
  ]
}
