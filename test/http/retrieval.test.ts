import assert from 'node:assert/strict'
import { once as onceOf } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { z } from 'zod'
import { defineApplication, defineRequestProcessor, defineService } from '../../src/define/define.ts'
import type { Caller } from '../../src/http/caller.ts'
import { createHttpDoor } from '../../src/http/door.ts'
import { HttpListener } from '../../src/http/listener.ts'
import { bodyOf } from './door-setup.ts'
import { MemoryRoad } from './memory-road.ts'

const once = defineRequestProcessor({ name: 'once', keep: { untilRetrieved: true } })
const input = z.object({})
const fetched = defineService({ name: 'fetched', input, requestProcessor: once, run: () => 1 })
const kept = defineService({ name: 'kept', input, run: () => 1 })

/** An item of a service before a door, in some state. */
async function setup(
  name: 'fetched' | 'kept',
  state: 'ready' | 'succeeded' | 'broken' | 'cancelled',
  caller?: Caller,
) {
  const road = new MemoryRoad(defineApplication({ name: 'hr', definitions: [once, fetched, kept] }))
  const door = createHttpDoor({
    road,
    durability: 'development',
    name: 'test',
    ...(caller && { auth: { signIn: { callerOf: async () => caller } } }),
  })
  const id = await road.accept(road.definitions.get(`service:${name}`)!, {})
  road.change(id, {
    state,
    context: { caller: 'maker' },
    ...(state === 'succeeded' && { result: { large: 'x'.repeat(100_000) } }),
  })
  const ask = (path = '/result', init: RequestInit = {}) =>
    door.fetch(new Request(`http://localhost:3000/queue-items/${id}${path}`, init), { loopback: true })
  return { road, id, ask, door }
}

test('a result is retrieved when its answer was read to the end', async () => {
  const { road, id, ask } = await setup('fetched', 'succeeded')
  const answer = await ask()
  assert.equal(answer.headers.get('coatcheck-item-state'), 'succeeded')
  assert.deepEqual(road.retrievals, [], 'nobody has read it')
  assert.equal(((await answer.json()) as { large: string }).large.length, 100_000)
  assert.deepEqual(road.retrievals, [id])
})

test('an answer without a body is retrieved with its headers, a problem as a result is', async () => {
  const empty = await setup('fetched', 'succeeded')
  empty.road.change(empty.id, { result: undefined as never })
  assert.equal((await empty.ask()).status, 204)
  assert.deepEqual(empty.road.retrievals, [empty.id])
  const broken = await setup('fetched', 'broken')
  assert.equal((await bodyOf(await broken.ask()))['code'], 'ITEM_BROKEN')
  assert.deepEqual(broken.road.retrievals, [broken.id])
})

test('a HEAD, an answer that broke off, the status, a 202 and a 409 retrieve nothing; nor does a result that is kept', async () => {
  const { road, ask } = await setup('fetched', 'succeeded')
  await ask('/result', { method: 'HEAD' })
  await (await ask()).body?.cancel()
  await (await ask('')).text()
  assert.deepEqual(road.retrievals, [])
  for (const state of ['ready', 'cancelled'] as const) {
    const other = await setup('fetched', state)
    await (await other.ask()).text()
    assert.deepEqual(other.road.retrievals, [], state)
  }
  const other = await setup('kept', 'succeeded')
  await (await other.ask()).text()
  assert.deepEqual(other.road.retrievals, [])
})

test('an operator who looks at a result takes it from nobody', async () => {
  const key = { kind: 'key', name: 'key' } as const
  for (const [id, expected] of [
    ['operator', 0],
    ['maker', 1],
  ] as const) {
    const { road, ask } = await setup('fetched', 'succeeded', { ...key, id, roles: ['operator'] })
    const answer = await ask()
    assert.equal(answer.status, 200)
    await answer.text()
    assert.equal(road.retrievals.length, expected, id)
  }
})

test('a broken item that callers are told of no more is 410 wherever they ask', async () => {
  const { road, id, ask } = await setup('kept', 'broken')
  road.over.add(id)
  road.expired.add(id)
  for (const [path, method] of [
    ['', 'GET'],
    ['/result', 'GET'],
    ['/result?wait=20s', 'GET'],
    ['/events', 'GET'],
    ['', 'DELETE'],
  ] as const) {
    const answer = await ask(path, { method })
    assert.deepEqual(
      [answer.status, (await bodyOf(answer))['code']],
      [410, 'ITEM_EXPIRED'],
      `${method} ${path}`,
    )
  }
})

test('over the wire, who takes nothing of an answer has not retrieved it', async (t) => {
  const { road, id, door } = await setup('fetched', 'succeeded')
  road.change(id, { result: { large: 'x'.repeat(30_000_000) } as never })
  const listener = new HttpListener({ door, port: 0 })
  await listener.start()
  t.after(() => listener.stop())
  const { port } = new URL(listener.url!)
  const asking = `GET /queue-items/${id}/result HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
  const leaving = connect(Number(port), '127.0.0.1')
  leaving.write(asking)
  await onceOf(leaving, 'readable')
  leaving.destroy()
  await fetch(`${listener.url}/healthz`)
  assert.deepEqual(road.retrievals, [])
  const answer = await fetch(`${listener.url}/queue-items/${id}/result`)
  assert.equal(answer.headers.get('content-length'), String(30_000_000 + '{"large":""}'.length))
  await answer.text()
  while (road.retrievals.length === 0) await new Promise(setImmediate)
  assert.deepEqual(road.retrievals, [id])
})
