import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import {
  defineRequestProcessor,
  defineService,
  type Duration,
  type KeepOptions,
} from '../../src/define/define.ts'
import { setup } from '../flows/setup.ts'
import { until } from '../store/until.ts'

const input = z.object({ act: z.string() })

/** A service over HTTP whose requests are kept so. */
async function serve(t: TestContext, keep: KeepOptions) {
  const keeping = defineRequestProcessor({
    name: 'keeping',
    queues: [
      {
        queue: 'second-tries',
        when: ({ input: { act } }: { input: { act: string } }) => {
          if (act === 'refuse') throw new Error('secret')
          return act === 'later'
        },
      },
      { queue: 'standard' },
    ],
    retry: { maxAttempts: 2, initialDelay: '1 minute', jitter: 0 },
    keep,
  })
  const run = ({ act }: { act: string }, { attempt }: { attempt: number }) => {
    if (act === 'break' || (act === 'later' && attempt === 1)) throw new Error('it does not work')
    return { done: act }
  }
  const work = defineService({ name: 'work', input, requestProcessor: keeping, run })
  const now = defineService({
    name: 'now',
    input,
    execution: 'immediate',
    queueWhen: () => true,
    requestProcessor: keeping,
    run,
  })
  const node = await setup(t, [keeping, work, now], { http: { port: 0 } })
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${node.url}${path}`, init)
    const text = await answer.text()
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    return { status: answer.status, body, state: answer.headers.get('coatcheck-item-state') }
  }
  const post = (service: string, act: string, headers: Record<string, string> = {}) =>
    ask(`/services/flows/${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ act }),
    })
  /** Posts a request, and waits until nothing more happens to it by itself. */
  const ended = async (act: string) => {
    const id = String((await post('work', act)).body['id'])
    await node.drain()
    if (act === 'break') {
      await node.advance('1 minute')
      await node.drain()
    }
    return id
  }
  const result = (id: string) => ask(`/queue-items/${id}/result`)
  /** Fetches a result for the first time, and waits until that has had its effect: it comes after the answer. */
  const retrieved = async (id: string) => {
    const answer = await result(id)
    await until('its retention was limited', async () => {
      const { schema } = node.place
      const { rows } = await node.query(
        `select id from ${schema}.tracked_item where id = $1 and expires_at < ${schema}.clock() + interval '16 minutes'`,
        [id],
      )
      return rows.length === 1
    })
    return answer
  }
  /** Moves the clock, and waits until what is over by then has been deleted. */
  const pass = async (by: Duration) => {
    await node.advance(by)
    const { schema } = node.place
    const [mark] = (await node.query('select gen_random_uuid() as id')).rows as { id: string }[]
    await node.query(
      `insert into ${schema}.tracked_item (id, queue, definition, state, attempts, enqueued_at, ended_at, expires_at)
      values ($1, 1, 'service:mark', 'succeeded', 1, now(), now(), '-infinity')`,
      [mark?.id],
    )
    await node.advance('1 ms')
    await until('what is over was deleted', async () => {
      const { rows } = await node.query(`select id from ${schema}.tracked_item where id = $1`, [mark?.id])
      return rows.length === 0
    })
  }
  /** What is over is deleted by and by. */
  const untilGone = async (id: string) => {
    await until(`${id} is gone`, async () => (await ask(`/queue-items/${id}`)).status !== 200)
    for (const path of ['', '/result', '/events']) {
      const { status, body } = await ask(`/queue-items/${id}${path}`)
      assert.deepEqual([status, body['code']], [410, 'ITEM_EXPIRED'], path)
    }
  }
  return { node, ask, post, ended, result, retrieved, pass, untilGone }
}

test('a result is over 15 minutes after it was first retrieved, and not before', async (t) => {
  const { node, ask, post, ended, result, retrieved, pass, untilGone } = await serve(t, {
    untilRetrieved: true,
  })
  const id = await ended('x')
  const unfetched = await ended('y')
  const waited = await post('work', 'z', { prefer: 'wait=20' })
  assert.deepEqual([waited.status, waited.body], [200, { done: 'z' }])
  await fetch(`${node.url}/queue-items/${unfetched}/result`, { method: 'HEAD' })
  await ask(`/queue-items/${unfetched}`)
  await node.advance('2 days')
  assert.deepEqual(await retrieved(id), { status: 200, body: { done: 'x' }, state: 'succeeded' })
  await pass('14 minutes')
  // Whoever lost the answer asks again; that gains no time.
  assert.equal((await result(id)).status, 200)
  await node.advance('2 minutes')
  await untilGone(id)
  assert.equal(await node.item(id as never), undefined)
  assert.equal((await result(unfetched)).status, 200, 'nobody had it')
  const last = await ended('w')
  await node.advance('8 days')
  await untilGone(last)
})

test('what is not kept after success is there for 15 minutes, for who waits or asks at once', async (t) => {
  const { node, post, ended, result, pass, untilGone } = await serve(t, { afterSuccess: false })
  const waited = await post('work', 'x', { prefer: 'wait=20' })
  assert.deepEqual([waited.status, waited.body, waited.state], [200, { done: 'x' }, 'succeeded'])
  const id = await ended('y')
  await pass('14 minutes')
  assert.deepEqual((await result(id)).body, { done: 'y' })
  await node.advance('2 minutes')
  await untilGone(id)
})

test('callers are told of a failure as long as is said; the broken item stays for a person', async (t) => {
  const { node, ended, result, untilGone } = await serve(t, {
    afterSuccess: '30 days',
    afterFailure: '1 day',
  })
  const id = await ended('break')
  const well = await ended('x')
  await node.advance('23 hours')
  assert.deepEqual([(await result(id)).status, (await result(id)).state], [500, 'broken'])
  await node.advance('2 hours')
  await untilGone(id)
  assert.equal((await node.item(id as never))?.state, 'broken')
  assert.equal((await result(well)).status, 200)
  // It is open again, and its caller is told so.
  await node.requeue(id, { input: { act: 'mended' } })
  await node.drain()
  assert.deepEqual(await result(id), { status: 200, body: { done: 'mended' }, state: 'succeeded' })
  const removed = await ended('break')
  await node.remove(removed)
  assert.deepEqual((await result(removed)).body['code'], 'ITEM_CANCELLED')
  await node.advance('25 hours')
  await untilGone(removed)
})

test('a failure that was retrieved is over after 15 minutes; unless said otherwise it is told of for good', async (t) => {
  const once = await serve(t, { untilRetrieved: true })
  const id = await once.ended('break')
  await once.node.advance('400 days')
  assert.equal((await once.retrieved(id)).state, 'broken')
  await once.node.advance('16 minutes')
  await once.untilGone(id)
  assert.equal((await once.node.item(id as never))?.state, 'broken')
})

test('an immediate service is queued, tried and kept by its request processor', async (t) => {
  const { node, ask, post, result } = await serve(t, { afterSuccess: '1 day' })
  assert.deepEqual((await post('now', 'x')).body, { done: 'x' })
  const queued = await post('now', 'later')
  assert.deepEqual([queued.status, queued.body['state']], [202, 'scheduled'])
  const id = String(queued.body['id'])
  assert.equal((await ask(`/queue-items/${id}`)).body['queue'], 'second-tries')
  await node.advance('1 minute')
  await node.drain()
  assert.deepEqual((await result(id)).body, { done: 'later' })
  // What runs at once is put nowhere, and nobody is asked where.
  assert.deepEqual((await post('now', 'refuse')).body, { done: 'refuse' })
  const asked = await post('now', 'x', { prefer: 'respond-async' })
  assert.equal((await ask(`/queue-items/${String(asked.body['id'])}`)).body['queue'], 'standard')
})

test('a when that throws is a 500 that says nothing of the inside, and stores nothing', async (t) => {
  const { node, post } = await serve(t, {})
  const problems: unknown[] = []
  node.events.listen((name, data) => {
    if (name === 'problem') problems.push((data as { error: unknown }).error)
  })
  const refused = await post('work', 'refuse')
  assert.deepEqual([refused.status, refused.body['code']], [500, 'INTERNAL'])
  assert.doesNotMatch(JSON.stringify(refused.body), /secret/)
  assert.match(String(problems[0]), /when of the queue "second-tries" .* threw for work: secret/)
  assert.deepEqual(await node.items(), [])
})
