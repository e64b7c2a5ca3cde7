import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { OrderWatch } from './order-watch.ts'
import { setup, type Place } from './setup.ts'

/** A hot key whose head fails until it is told not to, and cold keys beside it. */
function hotKey() {
  const watch = new OrderWatch()
  const state = { away: true }
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    concurrency: 20,
    retry: { maxAttempts: 100, initialDelay: '1 minute', factor: 1, jitter: 0 },
    process: ({ key, n }) => {
      if (state.away && key === 'hot' && n === 0) throw new Error('away')
      return watch.run(key, n)
    },
  })
  return { watch, state, step }
}

const held = 5_000
const all = Array.from({ length: held + 1 }, (_, n) => n)
const inLane = async (node: Awaited<ReturnType<typeof setup>>): Promise<number> => {
  const { rows } = await node.query(
    `select count(*)::int as n from ${node.place.schema}.waiting_item where state = 'held'`,
  )
  return rows[0]!['n'] as number
}

test('thousands held behind a failing head go to the lane and come back in order', async (t) => {
  const { watch, state, step } = hotKey()
  const node = await setup(t, [step])
  await node.enqueue(step, { key: 'hot', n: 0 })
  await node.drain()
  const ids = await node.enqueueMany(
    step,
    all.slice(1).map((n) => ({ key: 'hot', n })),
  )
  await node.enqueueMany(
    step,
    Array.from({ length: 600 }, (_, at) => ({ key: `cold-${at % 60}`, n: Math.floor(at / 60) })),
  )
  await until('held items lie in the lane', async () => (await inLane(node)) > 1_000)
  await node.drain()
  assert.equal(watch.byKey.get('cold-7')?.length, 10)
  assert.equal(watch.byKey.has('hot'), false)
  assert.equal((await node.item(ids[0]!))?.state, 'held')
  assert.equal((await node.item(ids[0]!))?.attempts, 0)
  state.away = false
  await node.advance('61 seconds')
  // What comes meanwhile is behind all of them.
  await node.enqueue(step, { key: 'hot', n: held + 1 })
  await node.drain({ timeout: '60s' })
  assert.deepEqual(watch.byKey.get('hot'), [...all, held + 1])
  assert.equal(await inLane(node), 0)
})

test('after a restart the lane goes on where it was, before what is in the log', async (t) => {
  const place = await firstLife()
  const { watch, state, step } = hotKey()
  state.away = false
  const node = await setup(t, [step], { place })
  await node.enqueue(step, { key: 'hot', n: held + 1 })
  // The head still waits for its next attempt, and all others for the head.
  await node.drain()
  assert.equal(watch.byKey.has('hot'), false)
  await node.advance('61 seconds')
  await node.drain({ timeout: '60s' })
  assert.deepEqual(watch.byKey.get('hot'), [...all, held + 1])

  async function firstLife(): Promise<Place> {
    const first = hotKey()
    const node = await setup(t, [first.step])
    await node.enqueueMany(
      first.step,
      all.map((n) => ({ key: 'hot', n })),
    )
    await until('held items lie in the lane', async () => (await inLane(node)) > 1_000)
    await node.stop()
    assert.equal(first.watch.byKey.has('hot'), false)
    return node.place
  }
})

test('a restart while thousands of a key are on their way out of the lane', async (t) => {
  const first = hotKey()
  const one = await setup(t, [first.step])
  await one.enqueueMany(
    first.step,
    all.map((n) => ({ key: 'hot', n })),
  )
  await until('held items lie in the lane', async () => (await inLane(one)) > 1_000)
  first.state.away = false
  await one.advance('61 seconds')
  await until('some have run', () => (first.watch.byKey.get('hot')?.length ?? 0) > 100)
  await one.stop()
  const ranBefore = first.watch.byKey.get('hot') ?? []
  assert.ok(ranBefore.length < held)
  const second = hotKey()
  second.state.away = false
  const two = await setup(t, [second.step], { place: one.place })
  await two.drain({ timeout: '60s' })
  // A node that is stopped settles all that has run: nothing twice.
  assert.deepEqual([...ranBefore, ...(second.watch.byKey.get('hot') ?? [])], all)
})
