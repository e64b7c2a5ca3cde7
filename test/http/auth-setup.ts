import type { TestContext } from 'node:test'
import { z } from 'zod'
import {
  createNode,
  defineApplication,
  defineQueueProcessor,
  defineService,
  type NodeOptions,
} from '../../src/index.ts'
import { freshPlace, type Place } from '../flows/setup.ts'

export const provision = defineQueueProcessor({
  name: 'provision',
  input: z.object({}),
  process: () => 'of the house',
})
const input = z.object({ text: z.string().optional() })
/** Queues, and tells its handler's context. */
const hire = defineService({ name: 'hire', input, run: ({ text }, { context }) => ({ text, context }) })
const ask = defineService({
  name: 'ask',
  input,
  execution: 'immediate',
  run: ({ text }, { context }) => {
    if (text === 'fail') throw new Error('the other side said no')
    return { text, context }
  },
})
/** Only for callers with a role. */
const pay = defineService({
  name: 'pay',
  input,
  execution: 'immediate',
  roles: ['payroll', 'auditor'],
  accessGroup: 'finance',
  run: (_, { context }) => ({ context }),
})
/** For everybody, where the node says so. */
const apply = defineService({ name: 'apply', input, run: () => 'applied' })
export const hr = defineApplication({ name: 'hr', definitions: [hire, ask, pay, apply, provision] })

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
