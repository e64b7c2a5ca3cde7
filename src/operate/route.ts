import type { Answer, HttpRequest } from '../http/message.ts'
import type { RequestTrail } from '../http/request-trail.ts'
import type { Runner } from '../store/driver.ts'
import type { AuditAuthor } from './audit.ts'
import type { Operator, OperatorRole } from './operator.ts'
import type { Schema } from './schema.ts'

/** What an operator did, for the audit. */
export interface AuditEntry {
  /** What was done, as `requeue`, `sign-in`, `queue.pause`. */
  readonly act: string
  /** What to: `item`, `queue`, `api-key`, `user`, … and which one. */
  readonly subject: string
  readonly subjectId: string
  readonly before?: unknown
  readonly after?: unknown
  /** Why, in the operator's words. */
  readonly reason?: string | undefined
}

/** A session in a browser. */
export interface SessionStanding {
  readonly id: string
  /** When it ends if nothing more is asked: it has been idle then, or is too old. */
  readonly expiresAt: Date
}

/** A request to the operator's API, checked. */
export interface OperatorCall<Query, Body> {
  /** Who asks; of a route that is open to anybody, nobody in particular. */
  readonly operator: Operator
  /** The session of a browser; unset where an API key or a token came with the request. */
  readonly session?: SessionStanding
  /** Whether the operator would still be let in: asked about every 3 s by what streams. It does not count as a request. */
  readonly isStillKnown: () => Promise<boolean>
  /** Aborted when the node stops: what is streamed ends then. `request.signal` is for a client that leaves. */
  readonly released: AbortSignal
  readonly trail: RequestTrail
  /** The `:name`s of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly request: HttpRequest
  /** Who asks, as the audit names it. */
  readonly author: AuditAuthor
  /** Writes to the audit; durable when it resolves, or with the transaction that is given. */
  readonly audit: (entry: AuditEntry, runner?: Runner) => Promise<void>
}

/** One operation of the operator's API. */
export interface OperatorRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/operate`, as `/items/:id`. */
  readonly path: string
  /** The least role that may; `anybody` is not signed in. */
  readonly role: OperatorRole | 'anybody'
  /** A sentence, for the description of the API. */
  readonly summary: string
  /** Pages open it by themselves, again and again: no session becomes younger by it. */
  readonly isRefresh?: true
  readonly query?: Schema
  readonly body?: Schema
  /** What is answered with 200; unset: 204, or an answer of its own. */
  readonly output?: Schema
  /** What is returned is sent as JSON, an {@link Answer} as it is, nothing as 204. GET is for HEAD, too. */
  readonly handle: (call: OperatorCall<never, never>) => Promise<unknown>
}

interface RouteDescription<Query, Body, Output> extends Omit<
  OperatorRoute,
  'query' | 'body' | 'output' | 'handle'
> {
  readonly query?: Schema<Query>
  readonly body?: Schema<Body>
  readonly output?: Schema<Output>
  readonly handle: (call: OperatorCall<Query, Body>) => Promise<Output | Answer | void>
}

/**
 * Describes an operation; its types follow from its schemas.
 * @example
 * defineRoute({ method: 'GET', path: '/nodes', role: 'observer', summary: 'Which nodes there are.', output: nodes, handle: … })
 */
export function defineRoute<Query = undefined, Body = undefined, Output = undefined>(
  description: RouteDescription<Query, Body, Output>,
): OperatorRoute {
  return Object.freeze(description) as OperatorRoute
}
