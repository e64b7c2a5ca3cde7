import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

// What docs/guide/acting-on-items.md shows, as it shows it.

test('an operator acts on items', { timeout: 60_000 }, async (t) => {
  let isAway = true
  const started = signal()
  const go = signal()
  const provision = defineQueueProcessor({
    name: 'provision-account',
    input: z.object({ employeeId: z.string(), unit: z.string().optional() }),
    key: ({ employeeId }) => employeeId,
    retry: { maxAttempts: 1 },
    process: async ({ employeeId }, { signal: told }) => {
      if (employeeId === 'slow') {
        started.give()
        await go.promise
        told.throwIfAborted()
      }
      if (isAway) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    },
  })
  const node = await setup(t, [provision], { log: false })
  const by = { operator: 'ada', reason: 'ticket 4711' }
  const later = { delay: '1 hour' } as const
  const id = await node.enqueue(provision, { employeeId: '42' }, later)

  await node.defer(id, { until: new Date('2090-01-01') })
  await node.edit(id, { input: { employeeId: '42', unit: 'hr' } })
  assert.deepEqual((await node.item(id))?.input, { employeeId: '42', unit: 'hr' })
  await node.resume(id)
  await node.drain()
  assert.equal((await node.item(id))?.state, 'broken')

  for (const options of [by, { input: { employeeId: '42', unit: 'it' } }]) {
    assert.equal((await node.requeue(id, options)).verdict, 'applied')
    await node.drain()
    const { state, attempts } = (await node.item(id)) ?? {}
    assert.deepEqual([state, attempts], ['broken', 1])
  }
  assert.deepEqual((await node.item(id))?.input, { employeeId: '42', unit: 'it' })
  const given = await node.enqueue(provision, { employeeId: '44' })
  await node.drain()
  assert.equal((await node.remove(given, by)).verdict, 'applied')
  assert.equal((await node.item(given))?.state, 'cancelled')

  const stuck = node.select({
    processor: 'provision-account',
    state: 'broken',
    errorCode: 'CONNECTION_FAILED',
  })
  assert.equal(await stuck.count(), 1)
  const copy = await node.clone(id)
  await node.drain()
  assert.equal((await node.item(copy))?.context.causationId, id)
  isAway = false
  const report = await stuck.requeue({ ...by, limit: 1 })
  assert.deepEqual(report, { items: 1, applied: 1, refused: 0, pending: 0, refusals: [], hasMore: true })
  const { waves, requeued, stopped } = await stuck.redrive(by)
  assert.deepEqual([waves, requeued, stopped], [[1], 1, 'done'])
  await node.drain()
  await assert.rejects(node.cancel(id), {
    message: `cancel: item ${id} is succeeded; it has ended; clone it to run its input again as a new item`,
  })
  const other = await node.enqueue(provision, { employeeId: '43' }, later)
  const act = await node.cancel(other, by)
  assert.deepEqual(await node.act(act.id), act)
  assert.deepEqual(
    (await node.itemLog(other)).map(({ message }) => message),
    ['cancelled by ada: ticket 4711'],
  )

  const slow = await node.enqueue(provision, { employeeId: 'slow' })
  await started.promise
  const pending = await node.cancel(slow, by)
  assert.equal(pending.verdict, 'pending')
  go.give()
  await node.drain()
  const decided = await node.act(pending.id)
  assert.deepEqual([decided?.verdict, decided?.state], ['applied', 'running'])
  assert.equal((await node.item(slow))?.state, 'cancelled')
})

test('an item that goes on by itself says so in its log', async (t) => {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    process: (what) => void ran.push(what),
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'late', { delay: '1 day' })
  const until = new Date((await node.now()).getTime() + 600_000)
  await node.defer(id, { until, operator: 'ada' })
  await node.advance('11 minutes')
  await node.drain()
  assert.deepEqual(ran, ['late'])
  assert.deepEqual(
    (await node.itemLog(id)).map(({ event, message }) => `${event} | ${message}`),
    ['deferred | deferred by ada', 'resumed | resumed: its time has come'],
  )
})

test('an operator opens blocked keys', { timeout: 60_000 }, async (t) => {
  const ran: string[] = []
  const provision = defineQueueProcessor({
    name: 'provision-account',
    input: z.object({ employeeId: z.string(), step: z.string() }),
    key: ({ employeeId }) => employeeId,
    onBroken: 'block',
    process: ({ employeeId, step }) => {
      if (step === 'breaks') throw new Reject('no such employee')
      ran.push(`${employeeId} ${step}`)
    },
  })
  const node = await setup(t, [provision], { log: false })
  const by = { operator: 'ada', reason: 'ticket 4711' }
  for (const employeeId of ['41', '42', '43'])
    await node.enqueueMany(
      provision,
      ['breaks', 'next'].map((step) => ({ employeeId, step })),
    )
  await node.drain()
  assert.equal(ran.length, 0)
  const told: string[] = []
  for (const { key, item, since, failure } of await node.blockedKeys({ processor: 'provision-account' })) {
    told.push(`${key}: ${failure.message}`)
    assert.ok(since <= (await node.now()))
    if (key === '41') await node.requeue(item, { ...by, input: { employeeId: '41', step: 'mended' } })
    if (key === '42') await node.skip(item, by)
    if (key === '43') await node.release(item, by)
  }
  await node.drain()
  assert.deepEqual(told, ['41: no such employee', '42: no such employee', '43: no such employee'])
  assert.deepEqual(
    ran.toSorted((a, b) => a.localeCompare(b)),
    ['41 mended', '41 next', '42 next', '43 next'],
  )
})
