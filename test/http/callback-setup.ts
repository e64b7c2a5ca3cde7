import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import type { AnyDefinition } from '../../src/define/application.ts'
import { defineApplication, defineService, Problem, Reject } from '../../src/define/define.ts'
import type { Item, ItemLogEntry } from '../../src/define/item.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { setup, type Place } from '../flows/setup.ts'

export const secret = `whsec_${randomBytes(32).toString('base64')}`

const input = z.object({ act: z.string().optional(), size: z.number().optional() })

/** Does what its input says, once it has been queued. */
export const work = defineService({
  name: 'work',
  input,
  maxPayload: '8 MB',
  retry: { maxAttempts: 2, initialDelay: '1 hour', jitter: 0 },
  async run({ act, size }, ctx) {
    ctx.progress({ at: 'work' })
    if (act === 'problem') throw new Problem({ status: 409, code: 'TAKEN', detail: 'It is taken' })
    if (act === 'reject') throw new Reject('secret of the inside')
    if (act === 'fail') throw new Error('secret of the inside')
    if (act === 'spawn') await ctx.enqueue(now, {})
    if (act === 'obey')
      await new Promise((_, reject) =>
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)),
      )
    return {
      done: act ?? 'nothing',
      ...(size === undefined ? {} : { text: 'ä'.repeat(size) }),
      ...(act === 'nul' ? { nul: 'x\0\ud800' } : {}),
    }
  },
})
/** Answers at once, or queues when it is told to fail. */
export const now = defineService({
  name: 'now',
  input,
  execution: 'immediate',
  queueWhen: (error) => error.code === 'CONNECTION_FAILED',
  retry: { initialDelay: '1 minute', jitter: 0 },
  run({ act }, { attempt }) {
    if (act === 'fail' && attempt === 1)
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    return { done: attempt }
  },
})
/** Has no way of being queued but by its caller's wish. */
export const plain = defineService({
  name: 'plain',
  input,
  execution: 'immediate',
  run: () => ({ done: true }),
})
export const shy = defineService({ name: 'shy', input, callback: false, run: () => 1 })

const definitions: readonly AnyDefinition[] = [work, now, plain, shy]
export const application = defineApplication({ name: 'flows', definitions })

export interface CallbackNode extends TestNode {
  readonly place: Place
  /** Calls a service over HTTP. */
  call(service: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  /** Calls it with a callback URL; gives the id of what was queued. */
  queue(service: string, body: unknown, callbackUrl: string): Promise<string>
  /** The callbacks there are, as items. */
  callbacks(): Promise<Item[]>
}

/** A node with callbacks that may go to this machine, and the virtual clock of test nodes. */
export async function setupCallbacks(
  t: TestContext,
  options: Parameters<typeof setup>[2] = {},
): Promise<CallbackNode> {
  const node = await setup(t, definitions, {
    http: { port: 0 },
    callbacks: { secrets: [secret], allowHosts: ['127.0.0.1'] },
    ...options,
  })
  const call: CallbackNode['call'] = (service, body, headers = {}) =>
    fetch(`${node.url}/services/flows/${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return Object.assign(node, {
    call,
    async queue(service: string, body: unknown, callbackUrl: string) {
      const answer = await call(service, body, { 'callback-url': callbackUrl })
      assert.equal(answer.status, 202, await answer.clone().text())
      return ((await answer.json()) as { id: string }).id
    },
    async callbacks() {
      return (await node.items()).filter(({ processor }) => processor === 'coatcheck.callback')
    },
  })
}

/** The lines of attempts in an item's log: `status` and `error` of each. */
export function attemptsIn(log: readonly ItemLogEntry[]): unknown[] {
  return log
    .filter(({ event }) => event === 'log')
    .map(({ data }) => {
      const { status, error, durationMs } = data as { status?: number; error?: string; durationMs?: number }
      assert.ok(typeof durationMs === 'number' && durationMs >= 0)
      return status ?? error
    })
}
