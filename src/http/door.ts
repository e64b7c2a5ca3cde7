import { Hono } from 'hono'
import { closestName } from '../base/suggestion.ts'
import type { Road } from '../engine/face.ts'
import { answerFrontPage } from './front-page.ts'
import type { RequestInfo } from './guard.ts'
import { checkRequest } from './guard.ts'
import type { Durability } from './health.ts'
import { answerHealth, answerReadiness } from './health.ts'
import { getItem, getResult } from './items.ts'
import type { Report } from './problem.ts'
import { answerProblem, problemOf, problemOfError } from './problem.ts'
import type { RequestTrail } from './request-trail.ts'
import { answerTrail, readTrail } from './request-trail.ts'
import { callService } from './service-call.ts'
import { Waits } from './waits.ts'

export interface HttpDoorOptions {
  readonly road: Road
  /** Prefixes every path and link: empty (the default), or such as `/integration`. */
  readonly basePath?: string
  /** `NODE_ENV`: without auth, services do not answer in production. */
  readonly environment?: string | undefined
  readonly durability: Durability
  /** The name of the node, for the page at `/`. */
  readonly name: string
  /** Told what callers are not shown, with the reference that they are given; without one, what did not change the answer. */
  readonly onError?: Report
}

/** The doors in over HTTP, as a function of requests: it mounts into any server. */
export interface HttpDoor {
  /** Answers a request; never rejects. A request counts as foreign unless `info` says that a loopback listener took it. */
  fetch(request: Request, info?: RequestInfo): Promise<Response>
  /** Answers all who wait for an item with how it stands now: the node is stopping. */
  releaseWaits(): void
}

interface Bindings {
  readonly trail: RequestTrail
}

const noErrors = (): void => undefined

/** Makes the HTTP door of a road: services, the status and results of items, health. */
export function createHttpDoor(options: HttpDoorOptions): HttpDoor {
  const { road, durability, name, environment, onError = noErrors } = options
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  const waits = new Waits(road)
  const app = createRoutes({ road, waits, basePath, durability, name, onError })
  const openPaths = new Set([`${basePath}/healthz`, `${basePath}/readyz`])

  async function answer(request: Request, info: RequestInfo, trail: RequestTrail): Promise<Response> {
    try {
      // a health check comes from wherever it wants and learns nothing
      if (!openPaths.has(new URL(request.url).pathname)) checkRequest(request, info, { environment })
      return await app.fetch(request, { trail } satisfies Bindings)
    } catch (error) {
      return answerError(error, request, onError)
    }
  }

  return {
    async fetch(request, info = { loopback: false }) {
      const trail = readTrail(request.headers)
      const response = await answer(request, info, trail)
      return finish(response, request, trail, basePath)
    },
    releaseWaits: () => waits.release(),
  }
}

interface RouteOptions {
  readonly road: Road
  readonly waits: Waits
  readonly basePath: string
  readonly durability: Durability
  readonly name: string
  readonly onError: Report
}

function createRoutes({ road, waits, basePath, durability, name, onError }: RouteOptions) {
  const app = new Hono<{ Bindings: Bindings }>().basePath(basePath)
  const items = { road, waits, basePath }
  const door = { ...items, report: onError }
  app.get('/', (c) => answerFrontPage(c.req.raw, { name, durability, basePath }, road))
  app.get('/healthz', answerHealth)
  app.get('/readyz', () => answerReadiness(road, durability))
  app.get('/queue-items/:id', (c) => getItem(c.req.raw, c.req.param('id'), items))
  app.get('/queue-items/:id/result', (c) => getResult(c.req.raw, c.req.param('id'), items))
  for (const path of ['/', '/healthz', '/readyz', '/queue-items/:id', '/queue-items/:id/result'])
    app.all(path, () => answerOtherMethod('GET, HEAD'))
  const paths: string[] = []
  for (const definition of road.definitions.values()) {
    const { service } = definition
    if (!service) continue
    paths.push(basePath + service.path)
    app.post(service.path, (c) => callService(c.req.raw, definition, service, c.env.trail, door))
    app.all(service.path, () => answerOtherMethod('POST'))
  }
  app.notFound((c) => answerNotFound(new URL(c.req.url).pathname, paths))
  app.onError((error, c) => answerError(error, c.req.raw, onError))
  return app
}

function answerOtherMethod(allow: string): Response {
  return answerProblem(problemOf('METHOD_NOT_ALLOWED', `only ${allow} can be used here`), { allow })
}

function answerNotFound(path: string, servicePaths: readonly string[]): Response {
  const closest = closestName(path, servicePaths)
  const way = closest === undefined ? '; GET / lists the services' : `; did you mean ${closest}?`
  return answerProblem(problemOf('NOT_FOUND', `nothing is at ${path.slice(0, 200)}${way}`))
}

function answerError(error: unknown, request: Request, onError: Report): Response {
  // the client has gone, so nobody reads this; it is no error either
  if (request.signal.aborted) return new Response(null, { status: 499 })
  return answerProblem(problemOfError(error, onError))
}

function finish(response: Response, request: Request, trail: RequestTrail, basePath: string): Response {
  const { headers } = response
  headers.set('x-content-type-options', 'nosniff')
  const aboutItem = new URL(request.url).pathname.startsWith(`${basePath}/queue-items/`)
  // elsewhere a service may say otherwise of its own answer
  if (aboutItem || !headers.has('cache-control')) headers.set('cache-control', 'no-store')
  answerTrail(headers, trail)
  return response
}
