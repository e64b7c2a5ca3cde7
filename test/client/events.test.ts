import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../../src/client/client.ts'
import { failed, serve } from './answers.ts'

test('events go on over connections that are lost', async (t) => {
  const event = (state: string) => `event: status\nid: ${state}-1\ndata: {"state":"${state}"}\n\n`
  const start = (response: Parameters<RequestListener>[1]) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' })
  const { requests, baseUrl } = await serve(
    t,
    (request, response) => {
      start(response).write(event('ready'))
      void delay(50).then(() => request.socket.destroy())
    },
    (_, response) => start(response).end(`: hello\n\n${event('ready')}${event('running')}`),
    (_, response) => start(response).end(event('succeeded')),
  )
  const client = createClient({ baseUrl, application: 'hr' })
  const seen: string[] = []
  for await (const { state } of client.events('x')) seen.push(state)
  assert.deepEqual(seen, ['ready', 'running', 'succeeded'])
  assert.deepEqual(
    requests.map(({ headers }) => headers['last-event-id']),
    [undefined, 'ready-1', 'running-1'],
  )
})

const eventStream = (body: string | ReadableStream) =>
  new Response(body, { headers: { 'content-type': 'text/event-stream' } })

/** Lets what was woken run up to its next timer. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('events are asked for again while the node is away, for twelve attempts in a row', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const busy = () => new Response('', { status: 503, headers: { 'retry-after': '7' } })
  const away = () => Promise.reject(new TypeError('fetch failed'))
  const ready = () => eventStream('retry: 1000\n\nevent: status\nid: ready-1\ndata: {"state":"ready"}\n\n')
  // after 1 s, 1, 7 (as it asks), 4, then answered: it begins anew
  const answers = [ready, away, busy, away, ready, ...Array.from({ length: 12 }, () => away)]
  const askedAt: number[] = []
  let now = 0
  const client = createClient({
    baseUrl: 'http://hr.example.com',
    application: 'hr',
    fetch: async () => {
      askedAt.push(now)
      return (answers[askedAt.length - 1] ?? assert.fail)()
    },
  })
  const seen: string[] = []
  const follow = async (): Promise<void> => {
    for await (const { state } of client.events('x')) seen.push(state)
  }
  const ended = assert.rejects(follow(), failed('CONNECTION_FAILED'))
  for (; askedAt.length < answers.length && now < 600_000; now += 500) {
    await settled()
    t.mock.timers.tick(500)
  }
  await ended
  const pauses = askedAt.slice(1).map((at, index) => (at - (askedAt[index] ?? 0)) / 1_000)
  assert.deepEqual(pauses, [1, 1, 7, 4, 1, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30])
  assert.deepEqual(seen, ['ready'])
})

test('an event stream that is silent for 45 s is made again, and its pause ends with the signal', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const mine = new AbortController()
  const asked: (string | null)[] = []
  let isCancelled = false
  const open = (text: string) =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      cancel: () => {
        isCancelled = true
      },
    })
  const client = createClient({
    baseUrl: 'http://hr.example.com',
    application: 'hr',
    fetch: async (_, { headers }) => {
      asked.push(new Headers(headers).get('last-event-id'))
      return asked.length === 1
        ? eventStream(open('event: status\nid: ready-1\ndata: {"state":"ready"}\n\n'))
        : eventStream('event: status\nid: running-1\ndata: {"state":"running"}\n\n')
    },
  })
  const seen: string[] = []
  const follow = async (): Promise<void> => {
    for await (const { state } of client.events('x', { signal: mine.signal })) seen.push(state)
  }
  const ended = assert.rejects(follow(), /mine/)
  await settled()
  t.mock.timers.tick(44_999)
  await settled()
  assert.equal(isCancelled, false)
  t.mock.timers.tick(1)
  await settled()
  assert.equal(isCancelled, true)
  t.mock.timers.tick(2_000)
  await settled()
  // the second stream has ended, and the pause after it has begun
  assert.deepEqual(
    [seen, asked],
    [
      ['ready', 'running'],
      [null, 'ready-1'],
    ],
  )
  mine.abort(new Error('mine'))
  await ended
})

test('what answers with no events is told', async (t) => {
  const { baseUrl } = await serve(t, (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
  )
  const client = createClient({ baseUrl, application: 'hr' })
  const follow = async (): Promise<void> => {
    for await (const status of client.events('x')) assert.fail(JSON.stringify(status))
  }
  await assert.rejects(follow(), failed('HTTP_200', 200))
})

test('an event that is no JSON is an error, and no lost connection', async (t) => {
  const { requests, baseUrl } = await serve(t, (_, response) =>
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .write('event: status\nid: ready-1\ndata: {"state"\n\n'),
  )
  const client = createClient({ baseUrl, application: 'hr' })
  const follow = async (): Promise<void> => {
    for await (const status of client.events('x')) assert.fail(JSON.stringify(status))
  }
  await assert.rejects(follow(), failed('HTTP_200', 200))
  assert.equal(requests.length, 1)
})
