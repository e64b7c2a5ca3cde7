import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { engineOf, type Node } from '../../src/node.ts'
import { signal } from '../flows/order-watch.ts'
import { freshPlace, setup } from '../flows/setup.ts'
import { intercept } from './faults.ts'

const quiet = { info() {}, warn() {}, error() {} }

for (const state of ['delayed', 'between attempts'] as const)
  test(`a row of the lane that was read before an act changed it is left alone (${state})`, async (t) => {
    const ran: string[] = []
    const released: unknown[] = []
    const step = defineQueueProcessor({
      name: 'step',
      input: z.string(),
      retry: { maxAttempts: 5, initialDelay: '1 hour', jitter: 0 },
      process: (_, { attempt }) => {
        ran.push(`attempt ${attempt}`)
        throw new Error('not now')
      },
    })
    const node = await setup(t, [step], { log: quiet })
    node.events.listen((name, detail) => {
      if (name === 'partition.released') released.push(detail)
    })
    const id = await node.enqueue(step, 'x', state === 'delayed' ? { delay: '1 hour' } : {})
    await node.drain()
    const before = ran.length
    const read = signal()
    const hold = signal()
    const passed = signal()
    const stop = intercept(node, async (name, proceed) => {
      const rows = await proceed()
      if (name === 'due-items' && rows.some((row) => row['id'] === id)) {
        read.give()
        await hold.promise
      } else if (name === 'next-due') passed.give()
      return rows
    })
    await node.advance('2 hours')
    await read.promise
    assert.equal((await node.cancel(id)).verdict, 'applied')
    hold.give()
    await passed.promise
    await node.drain()
    stop()
    assert.equal(ran.length, before)
    assert.equal((await node.item(id))?.state, 'cancelled')
    assert.deepEqual(released, [])
  })

const frozen = '11111111-1111-4111-8111-111111111111'

/** Somebody who never decides owns all. @returns lets the next one take it over */
async function freeze(node: Node): Promise<() => Promise<unknown>> {
  const { driver, schema } = engineOf(node).database
  await driver.query(
    `insert into ${schema}.node (boot_id, name, types, version, queues, started_at, lease_until)
     values ($1, 'frozen', '{}', '0', '{}', now(), ${schema}.clock() + interval '1 hour')`,
    [frozen],
  )
  await driver.query(`update ${schema}.partition set owner = $1`, [frozen])
  return () => driver.query(`update ${schema}.partition set owner = null`)
}

for (const [what, acts] of [
  ['it is resumed, then cancelled', ['resume', 'cancel']],
  ['its second resume makes no sense, then it is cancelled', ['resume', 'resume', 'cancel']],
] as const)
  test(`nothing runs that an open act would stop: ${what} while nobody decides`, async (t) => {
    const place = await freshPlace()
    const ran: string[] = []
    const step = defineQueueProcessor({
      name: 'step',
      input: z.string(),
      concurrency: 1,
      process: async (input, { signal: told }) => {
        ran.push(input)
        if (input === 'blocks')
          await new Promise((_, reject) => told.addEventListener('abort', () => reject(told.reason as Error)))
      },
    })
    const first = await setup(t, [step], { place })
    const blocks = await first.enqueue(step, 'blocks')
    while (ran.length === 0) await new Promise(setImmediate)
    // In the lane, from where it starts at once when it is resumed.
    const id = await first.enqueue(step, 'x')
    assert.equal((await first.defer(id)).verdict, 'applied')
    await first.cancel(blocks)
    await first.drain()
    await first.stop()
    const client = await setup(t, [step], { place, start: false })
    const release = await freeze(client)
    const asked = await Promise.all(
      [...acts.entries()].map(async ([n, kind]) => {
        const [row] = await engineOf(client).acts.askMany(kind, [id], { reason: String(n) }, {}, 0)
        return row
      }),
    )
    assert.deepEqual(new Set(asked.map((row) => row?.verdict)), new Set([null]))
    const { driver, schema } = engineOf(client).database
    await driver.query(
      `update ${schema}.act set asked_at = ${schema}.clock() + reason::int * interval '1 ms' where reason ~ '^[0-9]$'`,
    )
    await release()
    const node = await setup(t, [step], { place, log: quiet })
    await node.result(id, { wait: '20s' }).catch(() => {})
    await node.drain()
    assert.deepEqual(ran, ['blocks'])
    assert.equal((await node.item(id))?.state, 'cancelled')
    const last = await client.act(asked.at(-1)!.id)
    assert.equal(last?.verdict, 'applied')
  })

test('a suspect that waits until it may run alone can be cancelled', { timeout: 60_000 }, async (t) => {
  const place = await freshPlace()
  const ran: string[] = []
  const go = signal()
  const started = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    dedicated: { partitions: 1 },
    process: async (input) => {
      ran.push(input)
      if (input !== 'blocks') return
      started.give()
      await go.promise
    },
  })
  const client = await setup(t, [step], { place, start: false })
  await client.enqueue(step, 'blocks')
  const suspect = await client.enqueue(step, 'suspect')
  const { driver, schema } = engineOf(client).database
  await driver.query(
    `insert into ${schema}.suspect_item
     select $1, queue, partition, seq * 4096, 1, null, now() from ${schema}.log order by seq desc limit 1`,
    [suspect],
  )
  const node = await setup(t, [step], { place, log: quiet })
  t.after(() => go.give())
  await started.promise
  const act = await node.cancel(suspect)
  assert.deepEqual([act.verdict, act.state], ['applied', 'ready'])
  go.give()
  await node.drain()
  assert.equal((await node.item(suspect))?.state, 'cancelled')
  assert.deepEqual(ran, ['blocks'])
})
