import type { Caller } from './caller.ts'
import type { RequestInfo } from './guard.ts'
import type { Answer, HttpRequest } from './message.ts'
import type { Allowance } from './rate-limit.ts'
import type { RequestTrail } from './request-trail.ts'

/** What is known of a request that came in, before anybody knows from whom. */
export interface Arrival {
  readonly info: RequestInfo
  readonly trail: RequestTrail
  /** Aborted when the node stops: what is streamed ends then. */
  readonly released: AbortSignal
  /** Counts a request of a caller; undefined where it has no limit. */
  readonly allowanceOf: (caller: Caller) => Allowance | undefined
}

/** Answers all that is at a path and below it. */
export interface PathDoor {
  /** Without a slash at its end: `/operate`. */
  readonly prefix: string
  /** What it throws is answered as a problem. */
  answer(request: HttpRequest, arrival: Arrival): Promise<Answer>
}

/** The door that a path leads to. */
export function doorAt(path: string, doors: readonly PathDoor[]): PathDoor | undefined {
  return doors.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
}
