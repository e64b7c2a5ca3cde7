import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, setupDoor } from './door-setup.ts'

const cancel = (ask: ReturnType<typeof setupDoor>['ask'], id: string) =>
  ask(`/queue-items/${id}`, { method: 'DELETE' })

test('an item that never ran is cancelled, and again is fine', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  for (let times = 0; times < 2; times++) {
    const answer = await cancel(ask, id)
    assert.deepEqual([answer.status, await answer.text()], [204, ''])
  }
  assert.equal((await road.item(id))?.reason, 'operator')
})

test('a running attempt is told to stop: 202, and where to see what becomes of it', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(id, { state: 'running', attempts: 1 })
  const answer = await cancel(ask, id)
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('location'), `/queue-items/${id}`)
  assert.equal((await bodyOf(answer))['state'], 'running')
})

test('an item that has ended otherwise is not cancelled', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(id, { state: 'succeeded', result: 1 })
  const answer = await cancel(ask, id)
  assert.deepEqual([answer.status, (await bodyOf(answer))['code']], [409, 'ACT_REFUSED'])
})

test('what never was cannot be cancelled', async () => {
  const { ask } = setupDoor()
  assert.equal((await cancel(ask, '0199f3a1-7c00-8001-8001-5f3c9a2b1000')).status, 404)
  assert.equal((await cancel(ask, '17')).status, 404)
})

test('other methods are told which there are', async () => {
  const { ask, hireOne } = setupDoor()
  const answer = await ask(`/queue-items/${await hireOne()}`, { method: 'PUT' })
  assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, HEAD, DELETE'])
})

test('nothing is waited for before it is cancelled', async () => {
  const { ask, road, hireOne } = setupDoor()
  const id = await hireOne()
  assert.equal((await ask(`/queue-items/${id}?wait=1m`, { method: 'DELETE' })).status, 204)
  assert.equal(road.waiting, 0)
})
