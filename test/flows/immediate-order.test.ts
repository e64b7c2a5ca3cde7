import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineService } from '../../src/define/define.ts'
import { promised, until } from '../store/until.ts'
import { setup, type SetupOptions } from './setup.ts'

interface UpdateOptions extends Pick<SetupOptions, 'nodeTypes'> {
  readonly maxAttempts?: number
  /** What each run waits for before it looks at the object. */
  readonly begun?: (attempts: number) => Promise<void>
}

/** A work object that is locked, and a service that updates it at once or, while it is locked, later. */
async function setupUpdate(
  t: TestContext,
  order: 'strict' | 'relaxed',
  { maxAttempts = 3, begun, ...options }: UpdateOptions = {},
) {
  const done: string[] = []
  const attempts: [string, number][] = []
  const object = { isLocked: true }
  const update = defineService({
    name: 'update',
    input: z.object({ id: z.string(), status: z.string() }),
    key: ({ id }) => id,
    order,
    execution: 'immediate',
    queueWhen: ({ code }) => code === 'LOCKED',
    retry: { maxAttempts, initialDelay: '1 minute', jitter: 0 },
    async run({ status }, { attempt }) {
      attempts.push([status, attempt])
      await begun?.(attempts.length)
      if (object.isLocked) throw Object.assign(new Error('somebody has it'), { code: 'LOCKED' })
      done.push(status)
      return { status }
    },
  })
  const node = await setup(t, [update], { http: { port: 0 }, log: false, ...options })
  const post = async (id: string, status: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${node.url}/services/flows/update`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ id, status }),
    })
    const body = (await answer.json()) as { id: string; state: string }
    return { ...body, status: answer.status, headers: answer.headers }
  }
  const untilInLane = (many: number) =>
    until(`${many} wait in the lane`, async () => {
      const { rows } = await node.query(`select count(*)::int as many from ${node.place.schema}.waiting_item`)
      return rows[0]?.['many'] === many
    })
  return { node, object, post, untilInLane, done, attempts }
}

test('an immediate service does not overtake what waits of its key', async (t) => {
  const { node, object, post, untilInLane, done, attempts } = await setupUpdate(t, 'strict')
  const first = await post('a', 'first')
  assert.deepEqual([first.status, first.state], [202, 'scheduled'])
  await untilInLane(1)
  const waiting = await node.item(first.id)
  assert.deepEqual([waiting?.state, waiting?.attempts, waiting?.error?.code], ['scheduled', 1, 'LOCKED'])
  object.isLocked = false
  // Its own object is free, but somebody comes before.
  const second = await post('a', 'second')
  assert.equal(second.status, 202)
  assert.equal((await post('b', 'other')).status, 200, 'another key is answered at once')
  assert.deepEqual(done, ['other'])
  await node.advance('1 minute')
  await node.drain()
  assert.deepEqual(done, ['other', 'first', 'second'])
  assert.deepEqual(attempts, [
    ['first', 1],
    ['other', 1],
    ['first', 2],
    ['second', 1],
  ])
  assert.equal((await node.item(first.id))?.attempts, 2)
  assert.equal((await post('a', 'third')).status, 200)
})

test('what waits may be waited for', async (t) => {
  const { node, object, post, untilInLane } = await setupUpdate(t, 'strict')
  await post('a', 'first')
  await untilInLane(1)
  object.isLocked = false
  const answering = post('a', 'second', { prefer: 'wait=30' })
  await until('it has been accepted', async () => (await node.items()).length === 2)
  await node.advance('1 minute')
  const answer = await answering
  assert.deepEqual([answer.status, answer.headers.get('coatcheck-item-state')], [200, 'succeeded'])
})

test('where order does not matter it is answered at once', async (t) => {
  const { object, post, untilInLane } = await setupUpdate(t, 'relaxed')
  assert.equal((await post('a', 'first')).status, 202)
  await untilInLane(1)
  object.isLocked = false
  assert.equal((await post('a', 'second')).status, 200)
})

test('who has been told that it is queued does not overtake it', async (t) => {
  const { object, post } = await setupUpdate(t, 'strict')
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    object.isLocked = true
    assert.equal((await post(key, 'first')).status, 202)
    object.isLocked = false
    assert.equal((await post(key, 'second')).status, 202)
  }
})

test('who has been told that it is queued does not overtake it where nobody has read it yet', async (t) => {
  // the partition has no owner
  const { node, object, post, attempts } = await setupUpdate(t, 'strict', { nodeTypes: ['web'] })
  assert.equal((await post('a', 'first')).status, 202)
  object.isLocked = false
  const second = await post('a', 'second')
  assert.deepEqual([second.status, second.state], [202, 'ready'])
  assert.equal((await post('b', 'other')).status, 200)
  assert.deepEqual(attempts, [
    ['first', 1],
    ['other', 1],
  ])
  assert.equal((await node.items()).length, 2)
})

test('those that failed together are due together, in their order', async (t) => {
  const { promise: together, keep: meet } = promised()
  const { node, object, post, done } = await setupUpdate(t, 'strict', {
    // one that came after another has been queued would wait behind it
    begun(attempts) {
      if (attempts === 3) meet()
      return together
    },
  })
  const ids = (await Promise.all(['1', '2', '3'].map((n) => post('a', n)))).map(({ id }) => id)
  for (const id of ids) {
    const item = await node.item(id)
    assert.deepEqual([item?.state, item?.attempts, item?.error?.code], ['scheduled', 1, 'LOCKED'])
  }
  object.isLocked = false
  await node.advance('61 seconds')
  await node.drain()
  assert.deepEqual(done.toSorted(), ['1', '2', '3'])
  for (const id of ids) assert.equal((await node.item(id))?.attempts, 2)
})

for (const order of ['strict', 'relaxed'] as const)
  test(`the attempt that was made in the request is told of, and another one follows (${order})`, async (t) => {
    const { node, post, untilInLane, attempts } = await setupUpdate(t, order, { maxAttempts: 1 })
    const { id, status } = await post('a', 'first')
    assert.equal(status, 202)
    await untilInLane(1)
    await node.advance('1 minute')
    await assert.rejects(node.result(id as never, { wait: '20s' }), { code: 'ITEM_BROKEN' })
    const item = await node.item(id)
    assert.deepEqual([item?.attempts, item?.error?.code], [2, 'LOCKED'])
    const log = await node.itemLog(id)
    assert.deepEqual(
      log.map(({ attempt, event }) => [attempt, event]),
      [
        [1, 'failed'],
        [2, 'broken'],
      ],
    )
    // Done again it is tried at once, as any broken item.
    await node.requeue(id)
    await node.drain()
    assert.deepEqual(attempts.length, 3)
  })

test('a request behind another one has its callback', async (t) => {
  const { object, post } = await setupUpdate(t, 'strict')
  await post('a', 'first')
  object.isLocked = false
  const refused = await post('a', 'second', { 'callback-url': 'https://10.0.0.1/' })
  assert.equal(refused.status, 422, 'it is looked at')
})

test('a call with an Idempotency-Key is queued behind its key once', async (t) => {
  const { node, object, post, untilInLane, done } = await setupUpdate(t, 'strict')
  const first = await post('a', 'first', { 'idempotency-key': 'one' })
  await untilInLane(1)
  object.isLocked = false
  const once = { 'idempotency-key': 'two' }
  const [second, again] = [await post('a', 'second', once), await post('a', 'second', once)]
  assert.deepEqual([second.status, again.status, again.id], [202, 202, second.id])
  assert.equal((await post('a', 'first', { 'idempotency-key': 'one' })).id, first.id)
  await node.advance('1 minute')
  await node.drain()
  assert.deepEqual(done, ['first', 'second'])
})

test('the time of the next attempt is that of the answer, whenever its turn comes', async (t) => {
  const { node, object, post } = await setupUpdate(t, 'relaxed')
  for (let n = 0; n < 5; n++) {
    object.isLocked = true
    const { id } = await post('a', `${n}`)
    object.isLocked = false
    // often before its owner has met it
    await node.advance('2 minutes')
    assert.deepEqual(await node.result(id as never, { wait: '20s' }), { status: `${n}` })
  }
})
