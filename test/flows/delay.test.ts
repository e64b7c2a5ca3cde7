import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

const note = (ran: string[]) =>
  defineQueueProcessor({ name: 'note', input: z.string(), process: (text) => void ran.push(text) })

test('delay and at: not before, by the clock of the database', async (t) => {
  const ran: string[] = []
  const step = note(ran)
  const node = await setup(t, [step])
  const now = (await node.now()).getTime()
  await node.enqueue(step, 'ten', { delay: '10 minutes' })
  await node.enqueue(step, 'five', { at: new Date(now + 300_000) })
  await node.enqueue(step, 'past', { at: new Date(now - 300_000) })
  await node.enqueue(step, 'none', { delay: 0 })
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['none', 'past'])
  await node.advance('200s')
  await node.drain()
  assert.equal(ran.length, 2)
  await node.advance('150s')
  await node.drain()
  assert.deepEqual(ran.slice(2), ['five'])
  await node.advance('5 minutes')
  await node.drain()
  assert.deepEqual(ran.slice(3), ['ten'])
})

test('its id finds a delayed item in every state, and stays its id', async (t) => {
  const started = signal()
  const go = signal()
  const seen: string[] = []
  const step = defineQueueProcessor({
    name: 'slow',
    input: z.string(),
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: async (input, { item, attempt }) => {
      seen.push(item.id)
      if (attempt === 1) throw new Error('not yet')
      started.give()
      await go.promise
      return input
    },
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x', { delay: '1 hour', context: { operator: 'ada' } })
  const scheduled = await node.item(id)
  assert.equal(scheduled?.state, 'scheduled')
  assert.equal(scheduled.attempts, 0)
  assert.equal(scheduled.input, 'x')
  assert.deepEqual(scheduled.context, { operator: 'ada' })
  assert.equal(Math.round((scheduled.dueAt!.getTime() - scheduled.enqueuedAt.getTime()) / 1000), 3600)
  await node.advance('1 hour')
  await node.drain()
  const failed = await node.item(id)
  assert.deepEqual([failed?.state, failed?.attempts, failed?.error?.message], ['scheduled', 1, 'not yet'])
  assert.deepEqual(failed?.enqueuedAt, scheduled.enqueuedAt)
  await node.advance('2 minutes')
  await started.promise
  // Published once it has run for a second.
  await until('it says that it runs', async () => (await node.item(id))?.state === 'running')
  const running = await node.item(id)
  assert.deepEqual([running?.attempts, running?.dueAt], [2, undefined])
  go.give()
  await node.drain()
  const done = await node.item(id)
  assert.deepEqual([done?.state, done?.result, done?.attempts], ['succeeded', 'x', 2])
  assert.deepEqual(done?.enqueuedAt, scheduled.enqueuedAt)
  assert.deepEqual(seen, [id, id])
})

test('a delayed item holds nobody, and is ordered when it is due', async (t) => {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'note',
    input: z.string(),
    key: () => 'k',
    process: (text) => void ran.push(text),
  })
  const node = await setup(t, [step])
  await node.enqueue(step, 'later', { delay: '1 hour' })
  const same = Array.from({ length: 20 }, (_, n) => `same${n}`)
  await node.enqueueMany(step, same, { delay: '30 minutes' })
  await node.enqueue(step, 'now')
  await node.drain()
  assert.deepEqual(ran, ['now'])
  await node.advance('2 hours')
  await node.drain()
  assert.deepEqual(ran, ['now', ...same, 'later'])
})

test('many that are due at once all run, once', async (t) => {
  const ran: string[] = []
  const step = note(ran)
  const node = await setup(t, [step])
  const many = Array.from({ length: 900 }, (_, n) => String(n))
  const ids = await node.enqueueMany(step, many, { delay: '1 hour' })
  await node.advance('1 hour')
  await node.drain()
  assert.deepEqual(
    ran.toSorted((a, b) => Number(a) - Number(b)),
    many,
  )
  assert.equal((await node.item(ids[899]!))?.state, 'succeeded')
})

test('large ones that are due at once go into the log in rows of 4 MB, some with each settle', async (t) => {
  let ran = 0
  const step = defineQueueProcessor({
    name: 'large',
    input: z.string(),
    dedicated: { partitions: 2 },
    process: () => void ran++,
  })
  const node = await setup(t, [step])
  const large = 'x'.repeat(500_000)
  for (let n = 0; n < 4; n++)
    await node.enqueueMany(
      step,
      Array.from({ length: 12 }, () => large),
      { delay: '1 hour' },
    )
  await node.advance('1 hour')
  await node.drain()
  assert.equal(ran, 48)
  // One settle gives its rows one time.
  const { rows } = await node.query(
    `select max(octet_length(data)) as largest, sum(octet_length(data))::int as bytes, sum(n)::int as items
     from ${node.place.schema}.log group by at`,
  )
  assert.equal(
    rows.reduce((sum, row) => sum + (row['items'] as number), 0),
    48,
  )
  for (const row of rows) {
    assert.ok((row['largest'] as number) <= 4_010_000, `a row of ${row['largest']} bytes`)
    assert.ok((row['bytes'] as number) <= 8_000_000, `${row['bytes']} bytes in one settle`)
  }
})

test('where only failures are tracked, a delayed item that failed and then succeeded is no item that waits', async (t) => {
  const step = defineQueueProcessor({
    name: 'failures-only',
    input: z.string(),
    tracking: 'failures',
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: (_, { attempt }) => {
      if (attempt === 1) throw new Error('once')
    },
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x', { delay: '1 hour' })
  await node.advance('1 hour')
  await node.drain()
  assert.equal((await node.item(id))?.state, 'scheduled')
  await node.advance('2 minutes')
  await node.drain()
  const item = await node.item(id)
  assert.ok(item === undefined || item.state === 'succeeded', item?.state)
})

test('a time that cannot be is refused', async (t) => {
  const step = note([])
  const node = await setup(t, [step])
  const wrong = [
    [{ at: new Date(Number.NaN) }, /at is Invalid Date/],
    [{ at: '2027-01-01' as unknown as Date }, /at is "2027-01-01"/],
    [{ delay: '5 parsecs' as '5s' }, /delay/],
    [{ delay: -1 }, /delay/],
    [{ delay: '1s', at: new Date() }, /both delay .* and at/],
  ] as const
  for (const [options, message] of wrong)
    await assert.rejects(node.enqueue(step, 'x', options), { code: 'OPTION_INVALID', message })
  assert.deepEqual(await node.items(), [])
})
