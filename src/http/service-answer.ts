import { CoatcheckError } from '../base/errors.ts'
import type { LargeResult, ReplyHead, Standing } from '../engine/face.ts'
import { fromBase64 } from '../engine/returned.ts'
import { streamResult } from './large-result.ts'
import { hasNoBody, type Answer } from './message.ts'
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

/** The same of a result that is sent as it is read. */
function answerLarge(large: LargeResult, head: ReplyHead | undefined): Answer {
  // what stands for it gives it a type and a status that carry a body
  const answer = answerOutput('', head)
  if (answer.body === null) return answer
  // shorter than announced is how a client sees that it was cut off
  if (head?.form === undefined) answer.headers['content-length'] = String(large.bytes)
  return { ...answer, body: streamResult(large, head?.form) }
}

/** What a service answers with its output: `reply` chose status and headers; no output is no content. */
export function answerOutput(output: unknown, head: ReplyHead | undefined): Answer {
  const headers: Record<string, string> = {}
  for (const [given, value] of Object.entries(head?.headers ?? {})) {
    const name = given.toLowerCase()
    if (!framing.has(name))
      headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value
  }
  const status = head?.status ?? 200
  const body = writeOutput(output, head?.form)
  if (body === undefined || hasNoBody(status))
    return { status: status === 200 ? 204 : status, headers, body: null }
  headers['content-type'] ??= head?.form === 'bytes' ? 'application/octet-stream' : 'application/json'
  return { status, headers, body }
}

function writeOutput(output: unknown, form: ReplyHead['form']): string | Uint8Array | undefined {
  if (form !== undefined && typeof output === 'string') return form === 'bytes' ? fromBase64(output) : output
  return JSON.stringify(output)
}

/**
 * What the synchronous call would have answered, of an item that has ended.
 * @returns undefined while it has not
 * @throws CoatcheckError `ITEM_CANCELLED`
 */
export function answerEnded({ item, reply, largeResult }: Standing): Answer | undefined {
  if (item.state === 'cancelled')
    throw new CoatcheckError(
      'ITEM_CANCELLED',
      `item ${item.id} was cancelled${item.reason ? ` (${item.reason})` : ''}; it has no result`,
    )
  const answer = answerOf()
  if (answer) answer.headers['coatcheck-item-state'] = item.state
  return answer

  function answerOf(): Answer | undefined {
    if (item.state === 'succeeded')
      return largeResult ? answerLarge(largeResult, reply) : answerOutput(item.result, reply)
    if (item.state !== 'broken') return undefined
    return answerProblem(
      item.error ? problemOfFailure(item.error) : problemOf('ITEM_BROKEN', `item ${item.id} is broken`),
    )
  }
}
