import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { z } from 'zod'
import {
  createNode,
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  reply,
  type Node,
} from '../../../src/index.ts'
import { freshPlace } from '../../flows/setup.ts'
import { exchange, type Wire, type WireOptions } from './wire.ts'

const act = z.object({ act: z.string().optional() })

/** What the handlers of a file have been given, and a gate behind which `wait` waits. */
function createServices() {
  const ran: unknown[] = []
  const gate = Promise.withResolvers<void>()
  const run = async (input: unknown, { context, signal }: { context: object; signal: AbortSignal }) => {
    ran.push(input)
    const what = (input as { act?: string } | null)?.act
    if (what === 'wait')
      await Promise.race([
        gate.promise,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      ])
    if (what === 'problem')
      throw new Problem({
        status: 409,
        code: 'ALREADY_HIRED',
        detail: 'Employee 42 has an account',
        errors: [{ detail: 'taken', pointer: '#/act' }],
      })
    if (what === 'fail') throw new Error('secret of the inside')
    if (what === 'context') return { ...context }
    if (what === 'nothing') return undefined
    if (what === 'created')
      return reply({ account: 'a-1' }, { status: 201, headers: { location: '/accounts/1' } })
    if (what === 'split')
      return reply({ ok: true }, { headers: { 'x-own': 'a\r\nset-cookie: b=c', 'x-fine': 'yes' } })
    return { got: input }
  }
  const retry = { maxAttempts: 1 }
  const later = defineService({ name: 'later', input: act, retry, run })
  const forget = defineQueueProcessor({
    name: 'forget',
    input: act,
    tracking: 'failures',
    dedicated: { partitions: 1 },
    retry,
    process: run,
  })
  return {
    ran,
    gate,
    later,
    forget,
    definitions: [
      later,
      defineService({ name: 'now', input: act, retry, execution: 'immediate', run }),
      defineService({
        name: 'echo',
        input: z.any(),
        execution: 'immediate',
        maxPayload: 65_536,
        run: (input) => ({ got: input as unknown }),
      }),
      defineService({ name: 'keep', input: z.any(), retry, run: (input) => ({ got: input as unknown }) }),
      defineService({
        name: 'strict',
        input: act,
        retry,
        execution: 'immediate',
        respondAsync: false,
        idempotency: { required: true },
        run,
      }),
      forget,
    ],
  }
}

/** One node for a file of cases, which listens. Each case asks it as clients do. */
export function setupNode() {
  const { ran, gate, later, forget, definitions } = createServices()
  let node: Node | undefined
  before(async () => {
    node = await createNode({
      applications: [defineApplication({ name: 'hr', definitions })],
      ...(await freshPlace()),
      http: { port: 0 },
      log: false,
      stopTimeout: '1 second',
    })
    await node.start()
  })
  after(async () => {
    gate.resolve()
    await node?.stop()
  })
  const url = () => {
    assert.ok(node?.url)
    return node.url
  }
  const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, url()), init)
  const post = (service: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(`/services/hr/${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const wire = (parts: string | readonly (string | Buffer)[], options?: WireOptions): Promise<Wire> =>
    exchange(Number(new URL(url()).port), parts, options)
  /** How often `wait` has begun. */
  const waiting = () => ran.filter((input) => (input as { act?: string } | null)?.act === 'wait').length
  return { waiting, node: () => node as Node, ask, post, wire, ran, gate, later, forget }
}
