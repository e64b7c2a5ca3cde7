import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineService } from '../../src/define/define.ts'
import { setup } from '../flows/setup.ts'
import { askAs } from './asking.ts'

const echo = defineService({
  name: 'echo',
  input: z.object({ text: z.string() }),
  execution: 'immediate',
  run: ({ text }) => ({ said: text }),
})
const later = defineService({
  name: 'later',
  input: z.object({ text: z.string() }),
  execution: 'queue',
  run: (_, { context }) => ({ by: context.operator }),
})
const closed = defineService({
  name: 'closed',
  input: z.object({}),
  execution: 'immediate',
  roles: ['payroll'],
  run: () => 'open',
})

test('services are listed with what to send, and tried as the operator', async (t) => {
  const node = await setup(t, [echo, later, closed])
  const operator = await askAs(node, 'operator')
  const administrator = await askAs(node, 'administrator')
  const { body: services } = await operator('GET', '/services')
  const shown = services.find(({ name }: { name: string }) => name === 'echo')
  assert.deepEqual(
    [shown.application, shown.path, shown.execution, shown.queue, shown.example],
    ['flows', '/services/flows/echo', 'immediate', 'standard', { text: 'text' }],
  )
  assert.equal(shown.inputSchema.type, 'object')

  const tried = await operator('POST', '/services/flows/echo/try', { input: { text: 'hello' } })
  assert.deepEqual([tried.status, tried.body.status, tried.body.body], [200, 200, { said: 'hello' }])
  const wrong = await operator('POST', '/services/flows/echo/try', { input: { text: 1 } })
  assert.deepEqual([wrong.status, wrong.body.status, wrong.body.body.code], [200, 422, 'PAYLOAD_INVALID'])
  const queued = await operator('POST', '/services/flows/later/try', {
    input: { text: 'hello' },
    idempotencyKey: 'once',
  })
  assert.equal(queued.body.status, 202)
  assert.deepEqual(await node.result(queued.body.id, { wait: '20s' }), { by: 'a operator' })
  for (const key of ['€1', 'a\n', '\0', ''])
    assert.equal(
      (await operator('POST', '/services/flows/later/try', { input: {}, idempotencyKey: key })).status,
      422,
    )
  const again = await operator('POST', '/services/flows/later/try', {
    input: { text: 'hello' },
    idempotencyKey: 'once',
  })
  assert.equal(again.body.id, queued.body.id)
  assert.equal((await operator('POST', '/services/flows/closed/try', { input: {} })).body.status, 403)
  assert.equal((await administrator('POST', '/services/flows/closed/try', { input: {} })).body.body, 'open')
  assert.equal((await operator('POST', '/services/flows/nothing/try', { input: {} })).status, 404)
  const observer = await askAs(node, 'observer')
  assert.equal((await observer('POST', '/services/flows/echo/try', { input: {} })).status, 403)
  const { body: audit } = await administrator('GET', '/audit?act=service.try')
  assert.equal(audit.items.length, 6)
})
