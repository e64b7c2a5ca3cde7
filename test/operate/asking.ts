import assert from 'node:assert/strict'
import type { Node } from '../../src/index.ts'

/** An answer of the operator's API; its body as JSON has it. */
export interface Told {
  readonly status: number
  // What is in it is what the tests look at.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Told>

/** Asks the operator's API of a node, by an API key with a role. */
export async function askAs(node: Node, role: 'observer' | 'operator' | 'administrator'): Promise<Ask> {
  const { key } = await node.apiKeys.create({ name: `a ${role}`, roles: [role] })
  return async (method, path, body) => {
    const response = await node.fetch(requestOf(key, method, path, body))
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
}

export function requestOf(key: string, method: string, path: string, body?: unknown): Request {
  return new Request(`http://localhost/operate${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

/** Events of a stream, as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: unknown }> {
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  let text = ''
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(piece).toString()
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const part = text.slice(0, end)
      text = text.slice(end + 2)
      const event = /^event: (.*)$/m.exec(part)?.[1]
      const data = /^data: (.*)$/m.exec(part)?.[1]
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as unknown }
    }
  }
}
