import { CoatcheckError } from '../base/errors.ts'
import type { ReplyHead, Standing } from '../engine/face.ts'
import { answerProblem, problemOf, problemOfFailure } from './problem.ts'

/** Headers that frame the message or that the door itself sets; a service must not. */
const framing = new Set([
  'connection',
  'keep-alive',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'coatcheck-item-state',
])

/** Statuses whose answers have no body (RFC 9110, 15). */
const bodiless = new Set([204, 205, 304])

/** What a service answers with its output: `reply` chose status and headers; no output is no content. */
export function answerOutput(output: unknown, head: ReplyHead | undefined): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(head?.headers ?? {}))
    if (!framing.has(name.toLowerCase())) headers.append(name, value)
  const status = head?.status ?? 200
  const body = JSON.stringify(output) as string | undefined
  if (body === undefined || bodiless.has(status))
    return new Response(null, { status: status === 200 ? 204 : status, headers })
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return new Response(body, { status, headers })
}

/**
 * What the synchronous call would have answered, of an item that has ended.
 * @returns undefined while it has not
 * @throws CoatcheckError `ITEM_CANCELLED`
 */
export function answerEnded({ item, reply }: Standing): Response | undefined {
  if (item.state === 'cancelled')
    throw new CoatcheckError(
      'ITEM_CANCELLED',
      `item ${item.id} was cancelled${item.reason ? ` (${item.reason})` : ''}; it has no result`,
    )
  const answer = answerOf()
  answer?.headers.set('coatcheck-item-state', item.state)
  return answer

  function answerOf(): Response | undefined {
    if (item.state === 'succeeded') return answerOutput(item.result, reply)
    if (item.state !== 'broken') return undefined
    return answerProblem(
      item.error ? problemOfFailure(item.error) : problemOf('ITEM_BROKEN', `item ${item.id} is broken`),
    )
  }
}
