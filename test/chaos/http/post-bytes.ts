import { request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface BytesAnswer {
  /** 0 where the connection ended without an answer. */
  readonly status: number
  readonly body: string
  /** From the first byte that was sent to the last one that came. */
  readonly ms: number
}

const limitMs = 20_000

/** Posts bytes as they are, over a connection of its own. */
export async function postBytes(
  url: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
  isCut = false,
): Promise<BytesAnswer> {
  const began = performance.now()
  const sending = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(limitMs),
  })
  const { promise, resolve } = Promise.withResolvers<BytesAnswer>()
  const end = (status: number, said: string): void => {
    resolve({ status, body: said, ms: performance.now() - began })
    sending.destroy()
  }
  // It may end the connection while it is still sent to: what it answered before counts.
  sending.on('error', () => end(0, ''))
  sending.on('response', (response) => {
    const { statusCode = 0 } = response
    text(response).then(
      (said) => end(statusCode, said),
      () => end(0, ''),
    )
  })
  if (isCut) sending.write(body)
  else sending.end(body)
  return promise
}
