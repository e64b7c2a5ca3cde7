import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, defineService, Reject } from '../../src/index.ts'
import { setup, type SetupOptions } from '../flows/setup.ts'

/** Does what its input says. */
export const pay = defineQueueProcessor({
  name: 'pay',
  input: z.object({
    employee: z.string(),
    what: z.string().optional(),
    ssn: z.string().optional(),
    cards: z.array(z.object({ number: z.string() })).optional(),
  }),
  key: ({ employee }) => employee,
  retry: { maxAttempts: 2, initialDelay: '1 hour' },
  secret: ['/ssn', '/cards/*/number'],
  process: async (input, { log, enqueue }) => {
    log(`paying ${input.employee}, ${input.ssn ?? 'no number'}`, { number: input.ssn })
    if (input.what === 'reject') throw new Reject(`the bank knows no ${input.ssn ?? input.employee}`)
    if (input.what === 'fail') throw new Error('the bank is closed')
    if (input.what === 'child') await enqueue(tell, { text: `paid ${input.employee}` })
    return { paid: input.employee, ssn: input.ssn, masked: `**${input.ssn?.slice(-4) ?? ''}` }
  },
})

export const tell = defineQueueProcessor({
  name: 'tell',
  input: z.object({ text: z.string() }),
  process: ({ text }) => ({ told: text }),
})

export const hire = defineService({
  name: 'hire',
  input: z.object({ employee: z.string() }),
  run: ({ employee }) => ({ account: `a-${employee}` }),
})

const quiet = { info() {}, warn() {}, error() {} }

export interface Said<Body = Record<string, unknown>> {
  readonly status: number
  readonly body: Body
}

/** A node with operators of each role, and one of an access group. */
export async function setupItems(
  t: TestContext,
  options: SetupOptions = {},
  more: Parameters<typeof setup>[1] = [],
) {
  const node = await setup(t, [pay, tell, hire, ...more], { log: quiet, ...options })
  const keys: Record<string, string> = {}
  for (const role of ['observer', 'operator', 'administrator'])
    keys[role] = (await node.apiKeys.create({ name: role, roles: [role] })).key
  keys['north'] = (
    await node.apiKeys.create({ name: 'north', roles: ['operator'], accessGroup: 'north' })
  ).key
  const raw = (who: string, path: string, body?: object, init: RequestInit = {}) =>
    node.fetch(
      new Request(`http://localhost/operate${path}`, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        headers: {
          authorization: `Bearer ${keys[who]}`,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...init,
      }),
    )
  const ask = async <Body = Record<string, unknown>>(
    who: string,
    path: string,
    body?: object,
  ): Promise<Said<Body>> => {
    const answer = await raw(who, path, body)
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
  }
  /** The ids of a list, the newest first. */
  const list = async (query: string, who = 'observer') => {
    const { status, body } = await ask<{ items: { id: string }[] }>(who, `/items?${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body.items.map(({ id }) => id)
  }
  return { node, raw, ask, list }
}

/** What the audit says of an act, the newest first. */
export async function auditOf(ask: Awaited<ReturnType<typeof setupItems>>['ask'], act: string) {
  const { body } = await ask<{ items: Record<string, unknown>[] }>('administrator', `/audit?act=${act}`)
  return body.items
}
