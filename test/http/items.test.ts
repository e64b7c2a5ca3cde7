import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../src/define/define.ts'
import { failureRecord, toFailure } from '../../src/define/failure.ts'
import type { Caller } from '../../src/http/caller.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

const unknown = '0199f3a1-7c00-8001-8001-5f3c9a2b1000'

test('the status shows the item, its times in RFC 3339 and where its result is', async () => {
  const { ask, road } = setupDoor({ basePath: '/in' })
  const hire = road.definitions.get('service:hire-worker')!
  const id = await road.accept(hire, { employeeId: '42' }, {}, { correlationId: 'c-1' })
  const startedAt = new Date('2026-01-31T12:00:01Z')
  road.change(id, { state: 'running', attempts: 1, startedAt, progress: { done: 3 } })
  const answer = await ask(`/in/queue-items/${id}`)
  const body = await bodyOf(answer)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('retry-after'), '1')
  assert.deepEqual(body, {
    id,
    state: 'running',
    service: 'hire-worker',
    application: 'hr',
    queue: 'standard',
    key: null,
    attempts: 1,
    enqueuedAt: '2026-01-31T12:00:00.000Z',
    startedAt: '2026-01-31T12:00:01.000Z',
    progress: { done: 3 },
    correlationId: 'c-1',
    links: {
      self: `/in/queue-items/${id}`,
      result: `/in/queue-items/${id}/result`,
      events: `/in/queue-items/${id}/events`,
    },
  })
})

test('the result is 202 while the item is open, and says when to come back', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  const open = await ask(`/queue-items/${id}/result`)
  assert.equal(open.status, 202)
  assert.equal(open.headers.get('retry-after'), '1')
  assert.equal(open.headers.get('location'), `/queue-items/${id}`)
  assert.equal(open.headers.get('coatcheck-item-state'), null)
  road.change(id, { state: 'scheduled', dueAt: new Date(Date.now() + 9500) })
  const later = await ask(`/queue-items/${id}/result`)
  assert.equal(later.headers.get('retry-after'), '10')
  assert.equal((await bodyOf(later))['state'], 'scheduled')
})

test('the result of an item that succeeded is the answer of its service', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(
    id,
    { state: 'succeeded', result: { account: 'a-1' } },
    { status: 201, headers: { 'x-own': 'yes', 'cache-control': 'max-age=9' } },
  )
  const answer = await ask(`/queue-items/${id}/result`)
  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('x-own'), 'yes')
  assert.equal(answer.headers.get('coatcheck-item-state'), 'succeeded')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.deepEqual(await bodyOf(answer), { account: 'a-1' })
  road.change(id, { state: 'succeeded', result: undefined as unknown })
  assert.equal((await ask(`/queue-items/${id}/result`)).status, 204)
})

test('the result of a broken item is the problem that the call would have answered', async () => {
  const { ask, hireOne, post, road } = setupDoor()
  const id = await hireOne()
  const problem = new Problem({
    status: 409,
    code: 'ALREADY_HIRED',
    detail: 'Employee 42 has an account',
    errors: [{ detail: 'taken', pointer: '#/act' }],
  })
  // as the database keeps it
  const stored = JSON.parse(JSON.stringify(failureRecord(toFailure(problem)))) as ReturnType<
    typeof failureRecord
  >
  road.change(id, { state: 'broken', error: stored })
  const later = await ask(`/queue-items/${id}/result`)
  const atOnce = await post('/v1/obey', { act: 'problem' })
  assert.equal(later.status, atOnce.status)
  assert.equal(later.headers.get('content-type'), 'application/problem+json')
  assert.equal(later.headers.get('coatcheck-item-state'), 'broken')
  const body = await bodyOf(later)
  assert.deepEqual(body, await bodyOf(atOnce))
  assert.deepEqual((await bodyOf(await ask(`/queue-items/${id}`)))['error'], body)
})

test('what an item failed with inside stays inside', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(id, {
    state: 'broken',
    error: { code: 'AccessDenied', status: 403, message: 'secret: user ada' },
  })
  const answer = await ask(`/queue-items/${id}/result`)
  assert.equal(answer.status, 500)
  const status = await ask(`/queue-items/${id}`)
  assert.doesNotMatch((await answer.text()) + (await status.text()), /secret|AccessDenied|403/)
})

test('a cancelled item has no result', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(id, { state: 'cancelled', reason: 'superseded' })
  const answer = await ask(`/queue-items/${id}/result`)
  assert.equal(answer.status, 409)
  assert.equal((await bodyOf(answer))['code'], 'ITEM_CANCELLED')
  assert.equal(answer.headers.get('coatcheck-item-state'), null)
  assert.equal((await bodyOf(await ask(`/queue-items/${id}`)))['reason'], 'superseded')
})

test('an item that never was is 404, one that is not kept any more 410', async () => {
  const { ask, road } = setupDoor()
  for (const path of [`/queue-items/${unknown}`, `/queue-items/${unknown}/result`]) {
    const answer = await ask(path)
    assert.deepEqual([answer.status, (await bodyOf(answer))['code']], [404, 'ITEM_NOT_FOUND'])
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  }
  road.expired.add(unknown)
  const gone = await ask(`/queue-items/${unknown}/result`)
  assert.deepEqual([gone.status, (await bodyOf(gone))['code']], [410, 'ITEM_EXPIRED'])
  const wrong = await ask('/queue-items/17')
  assert.deepEqual([wrong.status, (await bodyOf(wrong))['code']], [404, 'ITEM_ID_INVALID'])
})

test('a long poll answers when the item ends', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  const polling = ask(`/queue-items/${id}?wait=20s`)
  while (road.waiting === 0) await new Promise(setImmediate)
  road.change(id, { state: 'succeeded', result: 1 })
  const answer = await polling
  assert.equal((await bodyOf(answer))['state'], 'succeeded')
  assert.equal(answer.headers.get('retry-after'), null)
})

test('a long poll ends when its client goes, and when the node stops', async () => {
  const { ask, door, hireOne, road, errors } = setupDoor()
  const id = await hireOne()
  const client = new AbortController()
  const left = ask(`/queue-items/${id}/result?wait=1m`, { signal: client.signal })
  while (road.waiting === 0) await new Promise(setImmediate)
  client.abort()
  assert.equal((await left).status, 499)
  assert.equal(road.waiting, 0)
  assert.deepEqual(errors, [])
  const released = ask(`/queue-items/${id}?wait=1m`)
  while (road.waiting === 0) await new Promise(setImmediate)
  door.releaseWaits()
  assert.equal((await released).status, 200)
})

test('a wait that is no duration is refused', async () => {
  const { ask, hireOne } = setupDoor()
  const answer = await ask(`/queue-items/${await hireOne()}?wait=20`)
  assert.equal(answer.status, 422)
  assert.match(String((await bodyOf(answer))['detail']), /write it as 20s/)
})

test('who is still being signed in when the node stops is not kept waiting', async () => {
  const signingIn = Promise.withResolvers<void>()
  const signedIn = Promise.withResolvers<Caller>()
  const callerOf = () => {
    signingIn.resolve()
    return signedIn.promise
  }
  const { road, ask, door } = setupDoor({ auth: { signIn: { callerOf } } })
  const service = road.definitions.get('service:hire-worker')
  assert.ok(service)
  const id = await road.accept(service, { employeeId: '42' }, {}, { caller: 'key:maker' })
  let answer: Response | undefined
  const waiting = ask(`/queue-items/${id}/result?wait=1m`).then((given) => (answer = given))
  await signingIn.promise
  door.releaseWaits()
  signedIn.resolve({ kind: 'key', id: 'key:maker', name: 'maker', roles: [] })
  while (!answer && road.waiting === 0) await new Promise(setImmediate)
  assert.equal(road.waiting, 0)
  assert.equal((await waiting).status, 202)
})
