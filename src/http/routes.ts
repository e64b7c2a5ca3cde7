import { closestName } from '../base/suggestion.ts'
import { packageVersion } from '../base/version.ts'
import type { Definition } from '../define/definition.ts'
import type { Road } from '../engine/face.ts'
import { answerApiPage, answerPageAsset } from './api-page.ts'
import type { CheckUrl } from './callback-request.ts'
import { mayCall, type Caller, type Rate } from './caller.ts'
import { cancelItem } from './cancel-item.ts'
import { answerFrontPage } from './front-page.ts'
import { answerHealth, Readiness, type Durability } from './health.ts'
import { getEvents } from './item-events.ts'
import { getItem, getResult } from './items.ts'
import type { Answer, HttpRequest } from './message.ts'
import { createApiDescription } from './openapi.ts'
import { PathTable } from './path-table.ts'
import { answerProblem, problemOf, type Report } from './problem.ts'
import type { RequestTrail } from './request-trail.ts'
import { callService } from './service-call.ts'
import type { RequestWaits } from './waits.ts'

/** What is known of a request that came in. */
export interface Came {
  readonly caller: Caller
  /** Whether the caller would be let in again: its key may have been revoked meanwhile. */
  readonly isStillKnown: () => Promise<boolean>
  readonly trail: RequestTrail
  readonly waits: RequestWaits
}

export interface RouteOptions {
  readonly road: Road
  readonly basePath: string
  readonly durability: Durability
  readonly name: string
  /** The limit of callers without one of their own; unset: none. */
  readonly rate: Rate | undefined
  /** Who comes without credentials. */
  readonly anonymous: Caller
  readonly checkCallback: CheckUrl | undefined
  readonly onError: Report
}

type Handler = (request: HttpRequest, came: Came, id: string) => Answer | Promise<Answer>
/** What can be done with a path, by method. */
type Route = Readonly<Record<string, Handler>>

/** What is answered where. */
export class Routes {
  readonly #options: RouteOptions
  readonly #table = new PathTable<Route>()
  readonly #services: ReturnType<typeof servicesOf>

  constructor(options: RouteOptions) {
    this.#options = options
    const { road, name, durability, basePath, rate, anonymous } = options
    const offersCallbacks = options.checkCallback !== undefined
    const isOpen = (definition: Definition): boolean => mayCall(anonymous, definition)
    const described = { title: name, version: packageVersion, basePath, offersCallbacks, rate, isOpen }
    this.#services = servicesOf(road)
    const api = createApiDescription(road, described)
    this.#add('/', {
      GET: (request, { caller }) => answerFrontPage(request, { name, durability, basePath, caller }, road),
    })
    this.#add('/openapi.json', { GET: (_, { caller }) => answerText(api(caller)) })
    this.#add('/docs', { GET: () => answerApiPage() })
    for (const asset of ['swagger-ui.css', 'swagger-ui-bundle.js', 'open.js'] as const)
      this.#add(`/docs/${asset}`, { GET: () => answerPageAsset(asset) })
    this.#add('/healthz', { GET: () => answerHealth() })
    const readiness = new Readiness(road, durability)
    this.#add('/readyz', { GET: () => readiness.answer() })
    this.#add('/queue-items/:id', {
      GET: (request, came, id) => getItem(request, id, this.#door(came)),
      DELETE: (request, came, id) => cancelItem(request, id, this.#door(came)),
    })
    this.#add('/queue-items/:id/result', {
      GET: (request, came, id) => getResult(request, id, this.#door(came)),
    })
    this.#add('/queue-items/:id/events', {
      GET: (request, came, id) => getEvents(request, id, this.#door(came)),
    })
    for (const { definition, service } of this.#services)
      this.#add(service.path, {
        POST: (request, came) => callService(request, definition, service, came.trail, this.#door(came)),
      })
  }

  answer(request: HttpRequest, came: Came): Answer | Promise<Answer> {
    const found = this.#table.find(request.path)
    if (!found) return this.#answerNotFound(request, came)
    const { value: route, params } = found
    const { method } = request
    const handler = route[method === 'HEAD' ? 'GET' : method]
    if (!handler) return answerOtherMethod(Object.keys(route))
    return handler(request, came, params['id'] ?? '')
  }

  #add(path: string, route: Route): void {
    const { basePath } = this.#options
    this.#table.add(path === '/' ? basePath || '/' : basePath + path, route)
  }

  #door({ caller, isStillKnown, waits }: Came) {
    const { road, basePath, checkCallback, onError } = this.#options
    return { road, waits, basePath, caller, isStillKnown, checkCallback, report: onError }
  }

  #answerNotFound({ path }: HttpRequest, { caller }: Came): Answer {
    const { basePath } = this.#options
    const known = this.#services.filter(({ definition }) => mayCall(caller, definition))
    const closest = closestName(
      path,
      known.map(({ service }) => basePath + service.path),
    )
    const way = closest === undefined ? '; GET / lists the services' : `; did you mean ${closest}?`
    return answerProblem(problemOf('NOT_FOUND', `nothing is at ${path.slice(0, 200)}${way}`))
  }
}

/** The services of a road. */
export function servicesOf(road: Road) {
  return [...road.definitions.values()].flatMap((definition) =>
    definition.service ? [{ definition, service: definition.service }] : [],
  )
}

function answerText(json: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: json }
}

/**
 * 405, with what can be done there.
 * @param methods what has a handler
 */
export function answerOtherMethod(methods: readonly string[]): Answer {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  const names = allow.join(', ')
  return answerProblem(problemOf('METHOD_NOT_ALLOWED', `only ${names} can be used here`), { allow: names })
}
