import type { TestContext } from 'node:test'
import { createNode, type NodeOptions } from '../../src/index.ts'
import { freshPlace, type Place } from '../flows/setup.ts'
import { hr } from './hr-application.ts'

/** A node that signs callers in and listens, and ways to ask it. */
export async function setupAuth(
  t: TestContext,
  auth: NonNullable<NodeOptions['auth']>,
  { place, ...options }: Partial<NodeOptions> & { readonly place?: Place } = {},
) {
  const where = place ?? (await freshPlace())
  const node = await createNode({
    applications: [hr],
    ...where,
    http: { port: 0 },
    log: false,
    stopTimeout: '1 second',
    auth,
    ...options,
  })
  t.after(() => node.stop())
  await node.start()
  /** @param credentials what stands behind `Bearer`, or nothing */
  const send = (method: string, path: string, credentials?: string, body?: unknown) =>
    fetch(new URL(path, node.url), {
      method,
      headers: {
        ...(credentials !== undefined && { authorization: `Bearer ${credentials}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  /** Hands a request of `hire` over and gives its id. */
  const hireOne = async (credentials: string) => {
    const answer = await send('POST', '/services/hr/hire', credentials, { text: 'x' })
    return ((await answer.json()) as { id: string }).id
  }
  return { node, where, send, hireOne }
}
