import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer, HttpRequest } from '../http/message.ts'

const pack = promisify(gzip)

/** What is shorter goes in one packet either way. */
const leastBytes = 1_000

/**
 * Packs an answer for a client that unpacks gzip (RFC 9110, 12.5.3); what comes piece by piece stays as it is.
 * That its length tells of what is in it helps no other site: the cookie of a session goes with no request of one.
 */
export async function packAnswer(answer: Answer, { headers }: Pick<HttpRequest, 'headers'>): Promise<Answer> {
  const { body } = answer
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return answer
  if (body.length < leastBytes) return answer
  answer.headers['vary'] = 'accept-encoding'
  if (!unpacks(headers)) return answer
  answer.headers['content-encoding'] = 'gzip'
  return { ...answer, body: await pack(body) }
}

/** Whether the client takes gzip. */
function unpacks(headers: HttpRequest['headers']): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(headers.get('accept-encoding') ?? '')
}
