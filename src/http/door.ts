import { showNumber } from '../base/shown-value.ts'
import type { Road } from '../engine/face.ts'
import type { CheckUrl } from './callback-request.ts'
import type { Caller, Rate } from './caller.ts'
import { anonymousCaller, localCaller, mayCall, signInRequired } from './caller.ts'
import { readFetchRequest, readOver, writeFetchResponse } from './fetch-message.ts'
import type { RequestInfo } from './guard.ts'
import { checkRequest } from './guard.ts'
import type { Durability } from './health.ts'
import type { Answer, HttpRequest } from './message.ts'
import { answerNobody, withHeaders } from './message.ts'
import { answerFull, OpenRequests } from './open-requests.ts'
import type { PathDoor } from './path-door.ts'
import { doorAt } from './path-door.ts'
import type { Report } from './problem.ts'
import { problemOfError } from './problem.ts'
import { allowanceHeaders, answerSpent, RateLimit } from './rate-limit.ts'
import type { RequestTrail } from './request-trail.ts'
import { answerTrail, readTrail } from './request-trail.ts'
import { Routes, servicesOf, type Came } from './routes.ts'
import type { SignIn } from './sign-in.ts'
import { challengeOf } from './sign-in.ts'
import { answerRefusal } from './signed-out-page.ts'
import { Waits } from './waits.ts'

export interface HttpDoorOptions {
  readonly road: Road
  /** Prefixes every path and link: empty (the default), or such as `/integration`. */
  readonly basePath?: string
  /** Who may call. Without it this machine may, outside production. */
  readonly auth?: {
    readonly signIn: SignIn
    readonly rate?: Rate
    /** Services that answer without credentials, each as `application/service`; none unless set. */
    readonly anonymousServices?: readonly string[]
  }
  /** `NODE_ENV`: without auth, services do not answer in production. */
  readonly environment?: string | undefined
  readonly durability: Durability
  /** The name of the node, for the page at `/`. */
  readonly name: string
  /** Checks callback URLs; undefined where the node has no callbacks. */
  readonly checkCallback?: CheckUrl | undefined
  /** What answers below paths of its own, and lets in by its own rules. */
  readonly doors?: readonly PathDoor[]
  /** So many requests are answered at once, long polls among them; 10,000 unless set. More are 503. */
  readonly maxOpen?: number
  /** Told what callers are not shown, with the reference that they are given; without one, what did not change the answer. */
  readonly onError?: Report
}

/** The doors in over HTTP, as functions of requests. */
export interface HttpDoor {
  /** Answers a request that a listener of ours took; never rejects. */
  answer(request: HttpRequest, info: RequestInfo): Promise<Answer>
  /** Answers a request of the Fetch API, from any server; never rejects. It counts as foreign unless `info` says otherwise. */
  fetch(request: Request, info?: RequestInfo): Promise<Response>
  /** Told of an answer that broke off on this side. */
  readonly report: Report
  /** Answers all who wait for an item with how it stands now: the node is stopping. */
  releaseWaits(): void
  /** Waits for what `fetch` is answering now, at most 10 s. */
  settle(): Promise<void>
}

/** How long stopping waits for answers that are on their way, as the listener does. */
const graceMs = 10_000

/** What is known of a request before anybody knows from whom it is. */
type Arrived = Pick<Came, 'trail' | 'waits'>

const noErrors = (): void => undefined
const always = (): Promise<boolean> => Promise.resolve(true)
const nobody = { caller: anonymousCaller([]), isStillKnown: () => Promise.resolve(false) }

/** Makes the HTTP door of a road: services, the status and results of items, health. */
export function createHttpDoor(options: HttpDoorOptions): HttpDoor {
  const {
    road,
    durability,
    name,
    auth,
    environment,
    doors = [],
    onError = noErrors,
    maxOpen = 10_000,
  } = options
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  const waits = new Waits(road)
  const { checkCallback } = options
  const routes = new Routes({
    road,
    basePath,
    durability,
    name,
    rate: auth?.rate,
    anonymous: anonymousCaller(auth?.anonymousServices ?? []),
    checkCallback,
    onError,
  })
  const healthPath = `${basePath}/healthz`
  const openPaths = new Set([healthPath, `${basePath}/readyz`])
  const itemPaths = `${basePath}/queue-items/`
  const servicesByPath = new Map(
    servicesOf(road).map(({ definition, service }) => [basePath + service.path, definition]),
  )
  const rateLimit = new RateLimit(auth?.rate)
  const open = new OpenRequests()
  let answering = 0

  async function callerOf(request: HttpRequest, signIn: SignIn): Promise<Caller> {
    const caller = await signIn.callerOf(request)
    if (caller.kind !== 'anonymous') return caller
    // nothing but the services that are open to everybody; not even which others there are
    const definition = servicesByPath.get(request.path)
    if (definition && mayCall(caller, definition)) return caller
    throw signInRequired()
  }

  /** What was counted is told of the limit, also where it ended in a problem. */
  async function answerOrProblem(request: HttpRequest, came: Came): Promise<Answer> {
    try {
      return await routes.answer(request, came)
    } catch (error) {
      return answerError(error, request, onError)
    }
  }

  async function routeSignedIn(request: HttpRequest, signIn: SignIn, arrived: Arrived): Promise<Answer> {
    const caller = await callerOf(request, signIn)
    const isStillKnown = async () =>
      (await callerOf(request, signIn).catch(() => nobody.caller)) !== nobody.caller
    const came = { ...arrived, caller, isStillKnown }
    const allowance = rateLimit.take(caller)
    if (!allowance) return routes.answer(request, came)
    const answer = allowance.isSpent ? answerSpent(allowance) : await answerOrProblem(request, came)
    return withHeaders(answer, allowanceHeaders(allowance))
  }

  /** No promise of its own: there is one for each request as it is. */
  function route(request: HttpRequest, info: RequestInfo, trail: RequestTrail): Answer | Promise<Answer> {
    // before anything is waited for: the node may stop meanwhile
    const arrived = { trail, waits: waits.begin() }
    const door = doorAt(request.path, doors)
    if (door) {
      const { released } = arrived.waits
      return door.answer(request, {
        info,
        trail,
        released,
        allowanceOf: (caller) => rateLimit.take(caller),
      })
    }
    // a health check comes from wherever it wants and learns nothing
    if (openPaths.has(request.path)) return routes.answer(request, { ...arrived, ...nobody })
    if (auth) return routeSignedIn(request, auth.signIn, arrived)
    checkRequest(request, info, { environment })
    const { waits: waiting } = arrived
    return routes.answer(request, { trail, waits: waiting, caller: localCaller, isStillKnown: always })
  }

  async function answer(request: HttpRequest, info: RequestInfo): Promise<Answer> {
    const trail = readTrail(request.headers)
    const isAboutItem = request.path.startsWith(itemPaths)
    // whoever restarts what hangs must not take a full house for that
    if (answering >= maxOpen && request.path !== healthPath)
      return finish(answerFull(`this node has ${showNumber(maxOpen)} requests open`), trail, isAboutItem)
    answering++
    let answered: Answer
    try {
      answered = await route(request, info, trail)
    } catch (error) {
      answered = answerError(error, request, onError)
    }
    answering--
    return finish(answered, trail, isAboutItem)
  }

  return {
    answer,
    async fetch(request, info = { loopback: false }) {
      const answered = await open.during(answer(readFetchRequest(request), info))
      if (answered.status >= 400) void readOver(request)
      return writeFetchResponse(answered, request.method, open)
    },
    report: onError,
    releaseWaits: () => waits.release(),
    settle: () => open.settle(graceMs),
  }
}

function answerError(error: unknown, request: HttpRequest, onError: Report): Answer {
  // the client has gone, so nobody reads this; it is no error either
  if (request.isAborted) return answerNobody()
  const problem = problemOfError(error, onError)
  return answerRefusal(request, problem, challengeOf(problem.code, problem.detail))
}

function finish(answer: Answer, trail: RequestTrail, isAboutItem: boolean): Answer {
  const { headers } = answer
  headers['x-content-type-options'] = 'nosniff'
  // elsewhere a service may say otherwise of its own answer
  if (isAboutItem) headers['cache-control'] = 'no-store'
  else headers['cache-control'] ??= 'no-store'
  answerTrail(headers, trail)
  return answer
}
