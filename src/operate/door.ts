import type { Caller } from '../http/caller.ts'
import { checkHost } from '../http/guard.ts'
import { answerJson, answerNothing, withHeaders, type Answer, type HttpRequest } from '../http/message.ts'
import type { Arrival, PathDoor } from '../http/path-door.ts'
import { PathTable } from '../http/path-table.ts'
import { answerProblem, problemOf, problemOfError, type Report } from '../http/problem.ts'
import { allowanceHeaders, answerSpent } from '../http/rate-limit.ts'
import { answerOtherMethod } from '../http/routes.ts'
import { challengeOf } from '../http/sign-in.ts'
import type { WriteAudit } from './audit.ts'
import { checkIsOurOrigin, checkIsOurPage } from './cross-site.ts'
import { checkMay, type Operator } from './operator.ts'
import { packAnswer } from './packing.ts'
import { readBody, readQuery } from './request-check.ts'
import type { OperatorCall, OperatorRoute, SessionStanding } from './route.ts'

/** Who sent a request, and by what. */
export interface SignedIn {
  readonly operator: Operator
  readonly via: 'session' | 'key' | 'token'
  /** Of a browser. */
  readonly session?: SessionStanding
  /** Of an API key or a token. */
  readonly caller?: Caller
}

/** Finds out which operator sent a request. */
export interface OperatorSignIn {
  /**
   * @param isUse false where nobody asks for anything: the session does not become younger
   * @throws CoatcheckError `SIGN_IN_REQUIRED`, `TOKEN_INVALID`, `FORBIDDEN`, `ISSUER_UNREACHABLE`; what the database throws
   */
  signedIn(request: HttpRequest, isUse: boolean): Promise<SignedIn>
}

export interface OperatorDoorOptions {
  readonly basePath: string
  readonly routes: readonly OperatorRoute[]
  readonly signIn: OperatorSignIn
  readonly writeAudit: WriteAudit
  /** Whether hosts but this machine's own names are refused on our listener: there is no `auth`. */
  readonly isLocalOnly: boolean
  readonly report: Report
}

type Routes = Map<string, OperatorRoute>
type Handle = (call: OperatorCall<unknown, unknown>) => Promise<unknown>

const nobody: Operator = Object.freeze({ id: 'anonymous', name: 'anonymous', role: 'observer' })

/** The door of the operator's API: what all of its routes have in common, so that each has only its own. */
export function createOperatorDoor(options: OperatorDoorOptions): PathDoor {
  const { signIn, writeAudit, isLocalOnly, report } = options
  const prefix = `${options.basePath}/operate`
  const table = tableOf(prefix, options.routes)

  async function answer(request: HttpRequest, arrival: Arrival): Promise<Answer> {
    try {
      // a page that rebinds its own name to this machine is not let in
      if (isLocalOnly && arrival.info.loopback) checkHost(request)
      const found = table.find(request.path)
      const route = found?.value.get(request.method === 'HEAD' ? 'GET' : request.method)
      if (found && route?.role === 'anybody') {
        if (isUnsafe(request)) checkIsOurOrigin(request)
        return await run(route, { ...callOf(request, arrival, { operator: nobody }), params: found.params })
      }
      const signedIn = await signIn.signedIn(request, isUse(request, route))
      return await counted(signedIn.caller, arrival, async () => {
        if (signedIn.via === 'session' && isUnsafe(request)) checkIsOurPage(request)
        if (!found) return answerNotFound(request)
        if (!route) return answerOtherMethod([...found.value.keys()])
        checkMay(signedIn.operator, route.role)
        return run(route, { ...callOf(request, arrival, signedIn), params: found.params })
      })
    } catch (error) {
      return refuse(error, request)
    }
  }

  /** A caller that has a limit has it here too, and is told of it also where its request ends in a problem. */
  async function counted(caller: Caller | undefined, arrival: Arrival, work: () => Promise<Answer>) {
    const allowance = caller && arrival.allowanceOf(caller)
    if (!allowance) return work()
    if (allowance.isSpent) return withHeaders(answerSpent(allowance), allowanceHeaders(allowance))
    const answered = await work().catch((error: unknown) => refuse(error))
    return withHeaders(answered, allowanceHeaders(allowance))
  }

  function callOf(
    request: HttpRequest,
    { trail, released }: Arrival,
    who: Partial<SignedIn> & { operator: Operator },
  ) {
    const { operator, session, via = 'session' } = who
    const author = { operator, via, requestId: trail.requestId ?? trail.correlationId }
    return {
      operator,
      ...(session && { session }),
      request,
      released,
      trail,
      author,
      audit: (entry, runner) => writeAudit(entry, author, runner),
      isStillKnown: async () => {
        try {
          const now = (await signIn.signedIn(request, false)).operator
          return now.role === operator.role && now.accessGroup === operator.accessGroup
        } catch {
          return false
        }
      },
    } satisfies Partial<OperatorCall<unknown, unknown>>
  }

  function refuse(error: unknown, request?: HttpRequest): Answer {
    // the client has gone, so nobody reads this; it is no error either
    if (request?.isAborted) return { ...answerNothing(), status: 499 }
    const problem = problemOfError(error, report)
    return answerProblem(problem, challengeOf(problem.code, problem.detail))
  }

  return { prefix, answer }
}

async function run(
  route: OperatorRoute,
  call: Omit<OperatorCall<unknown, unknown>, 'query' | 'body'>,
): Promise<Answer> {
  const query = readQuery(call.request, route.query)
  const body = await readBody(call.request, route.body)
  const said = await (route.handle as Handle)({ ...call, query, body })
  if (said === undefined) return answerNothing()
  return packAnswer(isAnswer(said) ? said : answerJson(said), call.request)
}

const answerMembers = new Set(['status', 'headers', 'cookies', 'body', 'onSent'])

/** An answer has the members of one and no others: a document may have some of them too. */
function isAnswer(said: unknown): said is Answer {
  if (typeof said !== 'object' || said === null || !('status' in said && 'headers' in said && 'body' in said))
    return false
  return Object.keys(said).every((member) => answerMembers.has(member))
}

/** What a page sends along with what it asks by itself. */
const refreshHeader = 'coatcheck-refresh'

/**
 * Whether somebody asks: a page that refreshes itself does not keep the session of who has left it. An act is one, whatever a page
 * says of it.
 */
function isUse(request: HttpRequest, route: OperatorRoute | undefined): boolean {
  if (isUnsafe(request)) return true
  return request.headers.get(refreshHeader) !== '1' && route?.isRefresh !== true
}

function isUnsafe({ method }: HttpRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

function answerNotFound({ path }: HttpRequest): Answer {
  return answerProblem(problemOf('NOT_FOUND', `nothing is at ${path.slice(0, 200)}`))
}

function tableOf(prefix: string, routes: readonly OperatorRoute[]): PathTable<Routes> {
  const byPath = Map.groupBy(routes, ({ path }) => path)
  const table = new PathTable<Routes>()
  for (const [path, those] of byPath) {
    const methods: Routes = new Map()
    for (const route of those) {
      if (methods.has(route.method)) throw new TypeError(`${route.method} ${path} is there twice`)
      methods.set(route.method, route)
    }
    table.add(prefix + path, methods)
  }
  return table
}
