import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, setupDoor } from './door-setup.ts'

/** The events of a stream as they come, without its comments. */
async function* eventsOf(answer: Response): AsyncGenerator<Record<string, string>> {
  let rest = ''
  assert.ok(answer.body)
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const fields = part.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string])
      if (fields.some(([name]) => name === 'data')) yield Object.fromEntries(fields)
    }
  }
  assert.equal(rest, '')
}

const stateOf = (event: Record<string, string> | undefined) =>
  (JSON.parse(event?.['data'] ?? '{}') as { state?: string }).state

test('each change of the item is an event, and the stream ends with the item', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  const answer = await ask(`/queue-items/${id}/events`)
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const events = eventsOf(answer)
  const first = (await events.next()).value as Record<string, string>
  assert.deepEqual([first['event'], first['id'], stateOf(first)], ['status', 'ready-0', 'ready'])
  const next = events.next()
  while (road.waiting === 0) await new Promise(setImmediate)
  road.change(id, { state: 'running', attempts: 1, progress: { done: 3 } })
  const second = (await next).value as Record<string, string>
  assert.equal(stateOf(second), 'running')
  assert.match(second['data'] ?? '', /"progress":\{"done":3\}/)
  const last = events.next()
  while (road.waiting === 0) await new Promise(setImmediate)
  road.change(id, { state: 'succeeded', result: 1 })
  assert.equal(stateOf((await last).value as Record<string, string>), 'succeeded')
  assert.equal((await events.next()).done, true)
})

test('an EventSource that comes again after the end is sent away for good', async () => {
  const { ask, hireOne, road } = setupDoor()
  const id = await hireOne()
  road.change(id, { state: 'broken', attempts: 3 })
  const again = await ask(`/queue-items/${id}/events`, { headers: { 'last-event-id': 'broken-3' } })
  assert.equal(again.status, 204)
  // Requeued and broken once more: what it saw was another end.
  const other = await ask(`/queue-items/${id}/events`, { headers: { 'last-event-id': 'broken-2' } })
  assert.equal(other.status, 200)
  assert.equal(stateOf((await eventsOf(other).next()).value as Record<string, string>), 'broken')
})

test('a stream ends when the node stops, and when its client goes', async () => {
  const { ask, door, hireOne, road } = setupDoor()
  const id = await hireOne()
  const events = eventsOf(await ask(`/queue-items/${id}/events`))
  await events.next()
  const ended = events.next()
  while (road.waiting === 0) await new Promise(setImmediate)
  door.releaseWaits()
  assert.equal((await ended).done, true)
  const answer = await ask(`/queue-items/${id}/events`)
  const reader = answer.body!.getReader()
  await reader.read()
  await reader.cancel()
  assert.equal(road.waiting, 0)
})

test('a node has so many streams open and no more', async () => {
  const { ask, hireOne } = setupDoor()
  const id = await hireOne()
  const open = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const { body } = await ask(`/queue-items/${id}/events`)
      const reader = body!.getReader()
      await reader.read()
      return reader
    }),
  )
  const refused = await ask(`/queue-items/${id}/events`)
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5'])
  assert.equal((await bodyOf(refused))['code'], 'STREAMS_FULL')
  await open.pop()?.cancel()
  assert.equal((await ask(`/queue-items/${id}/events`)).status, 200)
  for (const reader of open) await reader.cancel()
})

test('an item that never was has no events', async () => {
  const { ask } = setupDoor()
  const answer = await ask('/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000/events')
  assert.equal(answer.status, 404)
})
