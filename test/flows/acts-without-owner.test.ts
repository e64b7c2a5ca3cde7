import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { freshPlace, setup } from './setup.ts'

const options = {
  name: 'step',
  input: z.object({ key: z.string(), what: z.string() }),
  key: ({ key }: { key: string }) => key,
}

const step = defineQueueProcessor({
  ...options,
  process: ({ what }) => {
    if (what === 'rejected') throw new Reject('no')
  },
})

test('where no node owns the partition, a client that was never started decides', async (t) => {
  const place = await freshPlace()
  const first = await setup(t, [step], { place })
  const broken = await first.enqueue(step, { key: 'a', what: 'rejected' })
  const given = await first.enqueue(step, { key: 'a', what: 'rejected' })
  await first.drain()
  await first.stop()
  const client = await setup(t, [step], { place, start: false })
  const ready = await client.enqueue(step, { key: 'b', what: 'ready' })
  const parked = await client.enqueue(step, { key: 'b', what: 'parked' }, { delay: '1 hour' })
  assert.equal((await client.cancel(ready)).verdict, 'applied')
  assert.equal((await client.defer(parked)).verdict, 'applied')
  assert.equal((await client.remove(given)).verdict, 'applied')
  assert.equal((await client.requeue(broken, { input: { key: 'a', what: 'well' } })).verdict, 'applied')
  const states = async () =>
    Promise.all([ready, parked, given, broken].map(async (id) => (await client.item(id))?.state))
  assert.deepEqual(await states(), ['cancelled', 'deferred', 'cancelled', 'ready'])
  await assert.rejects(client.resume(ready), { code: 'ACT_REFUSED' })
  const { driver, schema } = engineOf(client).database
  const { rows } = await driver.query(
    `select (select count(*)::int from ${schema}.node) as nodes, (select count(*)::int from ${schema}.partition where owner is not null) as owned`,
  )
  assert.deepEqual(rows, [{ nodes: 0, owned: 0 }])
  const next = await setup(t, [step], { place })
  await next.resume(parked)
  await next.drain()
  assert.deepEqual(await states(), ['cancelled', 'succeeded', 'cancelled', 'succeeded'])
  assert.deepEqual((await next.item(broken))?.input, { key: 'a', what: 'well' })
})

test('a partition whose owner died keeps it as its owner of record', async (t) => {
  const place = await freshPlace()
  const client = await setup(t, [step], { place, start: false })
  const { driver, schema } = engineOf(client).database
  const dead = '11111111-1111-4111-8111-111111111111'
  const ready = await client.enqueue(step, { key: 'b', what: 'ready' })
  await driver.query(`update ${schema}.partition set owner = $1, epoch = nextval('${schema}.epoch')`, [dead])
  assert.equal((await client.cancel(ready)).verdict, 'applied')
  const { rows } = await driver.query(`select distinct owner from ${schema}.partition`)
  assert.deepEqual(rows, [{ owner: dead }])
})

test('what a node takes over it first does the acts of: nothing starts that was cancelled before', async (t) => {
  const place = await freshPlace()
  const client = await setup(t, [step], { place, start: false })
  const { driver, schema } = engineOf(client).database
  // Somebody who never decides.
  await driver.query(
    `insert into ${schema}.node (boot_id, name, types, version, queues, started_at, lease_until)
     values ('11111111-1111-4111-8111-111111111111', 'frozen', '{}', '0', '{}', now(), ${schema}.clock() + interval '8 s')`,
  )
  await driver.query(`update ${schema}.partition set owner = '11111111-1111-4111-8111-111111111111'`)
  const ran: string[] = []
  const watched = defineQueueProcessor({ ...options, process: ({ what }) => void ran.push(what) })
  const inputs = ['one', 'two', 'three'].map((what) => ({ key: 'a', what }))
  const [, two] = await client.enqueueMany(step, inputs)
  const plain = await client.enqueue(step, { key: 'b', what: 'four' })
  for (const id of [two!, plain]) {
    const act = await client.cancel(id)
    assert.equal(act.verdict, 'pending')
    assert.equal((await client.item(id))?.state, 'ready')
  }
  const node = await setup(t, [watched], { place })
  await client.advance('9 seconds')
  await client.result(two!, { wait: '10s' }).catch(() => {})
  await node.drain()
  assert.deepEqual(ran, ['one', 'three'])
  for (const id of [two!, plain]) assert.equal((await client.item(id))?.state, 'cancelled')
})
