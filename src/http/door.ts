import { Hono } from 'hono'
import { closestName } from '../base/suggestion.ts'
import { packageVersion } from '../base/version.ts'
import type { Road } from '../engine/face.ts'
import { answerApiPage, answerPageAsset } from './api-page.ts'
import type { CheckUrl } from './callback-request.ts'
import type { Caller, Rate } from './caller.ts'
import { anonymousCaller, localCaller, mayCall, signInRequired } from './caller.ts'
import { cancelItem } from './cancel-item.ts'
import { answerFrontPage } from './front-page.ts'
import type { RequestInfo } from './guard.ts'
import { checkRequest } from './guard.ts'
import type { Durability } from './health.ts'
import { answerHealth, answerReadiness } from './health.ts'
import { getEvents } from './item-events.ts'
import { getItem, getResult } from './items.ts'
import { createApiDescription } from './openapi.ts'
import type { Report } from './problem.ts'
import { answerProblem, problemOf, problemOfError } from './problem.ts'
import { allowanceHeaders, answerSpent, RateLimit } from './rate-limit.ts'
import type { RequestTrail } from './request-trail.ts'
import { answerTrail, readTrail } from './request-trail.ts'
import { callService } from './service-call.ts'
import type { SignIn } from './sign-in.ts'
import { challengeOf } from './sign-in.ts'
import { Waits, type RequestWaits } from './waits.ts'

export interface HttpDoorOptions {
  readonly road: Road
  /** Prefixes every path and link: empty (the default), or such as `/integration`. */
  readonly basePath?: string
  /** Who may call. Without it this machine may, outside production. */
  readonly auth?: { readonly signIn: SignIn; readonly rate?: Rate }
  /** `NODE_ENV`: without auth, services do not answer in production. */
  readonly environment?: string | undefined
  readonly durability: Durability
  /** The name of the node, for the page at `/`. */
  readonly name: string
  /** Checks callback URLs; undefined where the node has no callbacks. */
  readonly checkCallback?: CheckUrl | undefined
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
  readonly caller: Caller
  /** Whether the caller would be let in again: its key may have been revoked meanwhile. */
  readonly isStillKnown: () => Promise<boolean>
  readonly trail: RequestTrail
  readonly waits: RequestWaits
}

const noErrors = (): void => undefined
const nobody = { caller: anonymousCaller([]), isStillKnown: () => Promise.resolve(false) }

/** Makes the HTTP door of a road: services, the status and results of items, health. */
export function createHttpDoor(options: HttpDoorOptions): HttpDoor {
  const { road, durability, name, auth, environment, onError = noErrors } = options
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  const waits = new Waits(road)
  const { checkCallback } = options
  const app = createRoutes({ road, basePath, durability, name, checkCallback, onError })
  const openPaths = new Set([`${basePath}/healthz`, `${basePath}/readyz`])
  const servicesByPath = new Map(
    servicesOf(road).map(({ definition, service }) => [basePath + service.path, definition]),
  )
  const rateLimit = new RateLimit(auth?.rate)

  async function callerOf(request: Request, info: RequestInfo, path: string): Promise<Caller> {
    if (!auth) {
      checkRequest(request, info, { environment })
      return localCaller
    }
    const caller = await auth.signIn.callerOf(request)
    if (caller.kind !== 'anonymous') return caller
    // nothing but the services that are open to everybody; not even which others there are
    const definition = servicesByPath.get(path)
    if (definition && mayCall(caller, definition)) return caller
    throw signInRequired()
  }

  async function answer(request: Request, info: RequestInfo, trail: RequestTrail): Promise<Response> {
    // before anything is waited for: the node may stop meanwhile
    const came = { trail, waits: waits.begin() }
    try {
      const path = new URL(request.url).pathname
      // a health check comes from wherever it wants and learns nothing
      if (openPaths.has(path)) return await app.fetch(request, { ...came, ...nobody } satisfies Bindings)
      const caller = await callerOf(request, info, path)
      const isStillKnown = async () =>
        (await callerOf(request, info, path).catch(() => nobody.caller)) !== nobody.caller
      const allowance = rateLimit.take(caller)
      const response = allowance?.isSpent
        ? answerSpent(allowance)
        : await app.fetch(request, { ...came, caller, isStillKnown } satisfies Bindings)
      if (allowance) setHeaders(response, allowanceHeaders(allowance))
      return response
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
  readonly basePath: string
  readonly durability: Durability
  readonly name: string
  readonly checkCallback: CheckUrl | undefined
  readonly onError: Report
}

function createRoutes({ road, basePath, durability, name, checkCallback, onError }: RouteOptions) {
  const app = new Hono<{ Bindings: Bindings }>().basePath(basePath)
  const door = ({ caller, isStillKnown, waits }: Bindings) => ({
    road,
    waits,
    basePath,
    caller,
    isStillKnown,
    checkCallback,
    report: onError,
  })
  app.get('/', (c) => answerFrontPage(c.req.raw, { name, durability, basePath, caller: c.env.caller }, road))
  const api = createApiDescription(road, { title: name, version: packageVersion, basePath })
  app.get('/openapi.json', (c) => answerJson(api(c.env.caller)))
  app.get('/docs', answerApiPage)
  for (const asset of ['swagger-ui.css', 'swagger-ui-bundle.js', 'open.js'] as const) {
    app.get(`/docs/${asset}`, () => answerPageAsset(asset))
    app.all(`/docs/${asset}`, () => answerOtherMethod('GET, HEAD'))
  }
  app.get('/healthz', answerHealth)
  app.get('/readyz', () => answerReadiness(road, durability))
  app.get('/queue-items/:id', (c) => getItem(c.req.raw, c.req.param('id'), door(c.env)))
  app.get('/queue-items/:id/result', (c) => getResult(c.req.raw, c.req.param('id'), door(c.env)))
  app.get('/queue-items/:id/events', (c) => getEvents(c.req.raw, c.req.param('id'), door(c.env)))
  app.delete('/queue-items/:id', (c) => cancelItem(c.req.raw, c.req.param('id'), door(c.env)))
  app.all('/queue-items/:id', () => answerOtherMethod('GET, HEAD, DELETE'))
  for (const path of [
    '/',
    '/healthz',
    '/readyz',
    '/queue-items/:id/result',
    '/queue-items/:id/events',
    '/openapi.json',
    '/docs',
  ])
    app.all(path, () => answerOtherMethod('GET, HEAD'))
  const services = servicesOf(road)
  for (const { definition, service } of services) {
    app.post(service.path, (c) => callService(c.req.raw, definition, service, c.env.trail, door(c.env)))
    app.all(service.path, () => answerOtherMethod('POST'))
  }
  app.notFound((c) => {
    const known = services.filter(({ definition }) => mayCall(c.env.caller, definition))
    return answerNotFound(
      new URL(c.req.url).pathname,
      known.map(({ service }) => basePath + service.path),
    )
  })
  app.onError((error, c) => answerError(error, c.req.raw, onError))
  return app
}

function servicesOf(road: Road) {
  return [...road.definitions.values()].flatMap((definition) =>
    definition.service ? [{ definition, service: definition.service }] : [],
  )
}

function answerJson(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } })
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
  const problem = problemOfError(error, onError)
  return answerProblem(problem, challengeOf(problem.code, problem.detail))
}

function setHeaders(response: Response, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
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
