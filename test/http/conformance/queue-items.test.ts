import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueItemId } from '../../../src/index.ts'
import { bodyOf } from '../door-setup.ts'
import { setupNode } from './setup.ts'

/** DESIGN.md, 6, and docs/reference/http.md: all that is at /queue-items. */
const { node, ask, post, waiting, gate, later, forget } = setupNode()

/** An item of a service that ended as its act says, or runs. */
async function itemOf(act: string, prefer = 'wait=20') {
  const answer = await post('later', { act }, { prefer })
  const { headers } = answer
  // a result may have a Location of its own
  const path = headers.get('content-location')?.replace(/\/result$/, '') ?? headers.get('location')
  assert.ok(path)
  return path
}

async function running() {
  const before = waiting()
  const path = await itemOf('wait', 'handling=strict')
  while (waiting() === before) await new Promise(setImmediate)
  return path
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

/** Status, code of a problem, state. */
async function brief(answer: Response) {
  const text = await answer.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  return [answer.status, body['code'], answer.headers.get('coatcheck-item-state')]
}

test('the status is 200 whatever became of the item, with times of RFC 3339 in UTC', async () => {
  for (const [act, state] of [
    ['created', 'succeeded'],
    ['fail', 'broken'],
    ['problem', 'broken'],
  ] as const) {
    const path = await itemOf(act)
    const answer = await ask(path)
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [200, null])
    assert.equal(answer.headers.get('content-type'), 'application/json')
    const { enqueuedAt, startedAt, endedAt, correlationId, error, ...item } = await bodyOf(answer)
    for (const time of [enqueuedAt, startedAt, endedAt]) assert.match(String(time), rfc3339)
    assert.ok(String(enqueuedAt) <= String(endedAt))
    assert.match(String(correlationId), /^[0-9a-f-]{36}$/)
    const id = path.slice('/queue-items/'.length)
    assert.deepEqual(item, {
      id,
      state,
      service: 'later',
      application: 'hr',
      queue: 'standard',
      key: null,
      attempts: 1,
      links: { self: path, result: `${path}/result`, events: `${path}/events` },
    })
    // what the result answers, so that nobody has to fetch both
    if (state === 'broken') assert.deepEqual(error, await bodyOf(await ask(`${path}/result`)))
    else assert.equal(error, undefined)
  }
})

test('the result is what the synchronous call answers, with Coatcheck-Item-State', async () => {
  for (const [act, state] of [
    ['created', 'succeeded'],
    ['nothing', 'succeeded'],
    ['echo', 'succeeded'],
    ['problem', 'broken'],
  ] as const) {
    const now = await post('now', { act })
    const later = await ask(`${await itemOf(act)}/result`)
    const told = async (answer: Response) => [
      answer.status,
      await answer.text(),
      answer.headers.get('content-type'),
      answer.headers.get('location'),
    ]
    assert.equal(now.headers.get('coatcheck-item-state'), null)
    assert.equal(later.headers.get('coatcheck-item-state'), state)
    assert.deepEqual(await told(later), await told(now), act)
  }
  assert.deepEqual(await brief(await ask(`${await itemOf('fail')}/result`)), [
    500,
    'HANDLER_FAILED',
    'broken',
  ])
})

test('while it runs: 202 with Retry-After; DELETE tells it to stop: 202; then 204, 409', async () => {
  const path = await running()
  const open = await ask(`${path}/result`)
  assert.deepEqual([open.headers.get('retry-after'), open.headers.get('location')], ['1', path])
  assert.deepEqual(Object.keys(await bodyOf(open)), ['id', 'state', 'links'])
  assert.equal(open.status, 202)
  assert.equal(open.headers.get('coatcheck-item-state'), null)
  const cancelled = await ask(path, { method: 'DELETE' })
  assert.deepEqual([cancelled.status, cancelled.headers.get('location')], [202, path])
  assert.deepEqual(Object.keys(await bodyOf(cancelled)), ['id', 'state', 'links'])
  assert.deepEqual(await brief(await ask(`${path}/result?wait=20s`)), [409, 'ITEM_CANCELLED', null])
  const { state, reason } = await bodyOf(await ask(path))
  assert.deepEqual([state, reason], ['cancelled', 'operator'])
  const again = await ask(path, { method: 'DELETE' })
  assert.deepEqual(
    [again.status, await again.text(), again.headers.get('cache-control')],
    [204, '', 'no-store'],
  )
})

test('DELETE of what never ran: 204; of what has ended: 409 ACT_REFUSED', async () => {
  const id = await node().enqueue(later, {}, { delay: '1 hour' })
  const waiting = await bodyOf(await ask(`/queue-items/${id}`))
  assert.equal(waiting['state'], 'scheduled')
  assert.match(String(waiting['dueAt']), rfc3339)
  assert.equal((await ask(`/queue-items/${id}`)).headers.get('retry-after'), '3600')
  const answer = await ask(`/queue-items/${id}`, { method: 'DELETE' })
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [204, null])
  for (const act of ['created', 'fail'])
    assert.deepEqual(await brief(await ask(await itemOf(act), { method: 'DELETE' })), [
      409,
      'ACT_REFUSED',
      null,
    ])
})

test('404 where it never was, 410 where one of that age could have been', async () => {
  const id = (await itemOf('created')).slice('/queue-items/'.length)
  // of our queue, and of a time when items are not kept any more
  const old = `0000000${id.slice(7)}`
  const cases: [string, number, string][] = [
    ['x', 404, 'ITEM_ID_INVALID'],
    [`${id}0`, 404, 'ITEM_ID_INVALID'],
    ['00000000-0000-0000-0000-000000000000', 404, 'ITEM_ID_INVALID'],
    ['123e4567-e89b-42d3-a456-426614174000', 404, 'ITEM_ID_INVALID'],
    ["0199f3a1'--", 404, 'ITEM_ID_INVALID'],
    ['%00', 404, 'ITEM_ID_INVALID'],
    ['%zz', 404, 'ITEM_ID_INVALID'],
    [id.replace(/^.{4}/, 'ffff'), 404, 'ITEM_NOT_FOUND'],
    [old, 410, 'ITEM_EXPIRED'],
  ]
  for (const [given, status, code] of cases) {
    const path = `/queue-items/${given}`
    for (const answer of [await ask(path), await ask(`${path}/result`), await ask(`${path}/events`)])
      assert.deepEqual(await brief(answer), [status, code, null], given)
    assert.deepEqual(await brief(await ask(path, { method: 'DELETE' })), [status, code, null], given)
  }
  // an id is the same in either case
  assert.equal((await ask(`/queue-items/${id.toUpperCase()}`)).status, 200)
})

test('where a queue keeps only failures, what ended well is 410', async () => {
  const id = await node().enqueue(forget, { act: 'created' })
  let answer = await ask(`/queue-items/${id}/result?wait=20s`)
  while (answer.status === 202) answer = await ask(`/queue-items/${id}/result?wait=20s`)
  assert.deepEqual(await brief(answer), [410, 'ITEM_EXPIRED', null])
  const failed = await node().enqueue(forget, { act: 'problem' })
  const kept = await ask(`/queue-items/${failed}/result?wait=20s`)
  assert.deepEqual(await brief(kept), [409, 'ALREADY_HIRED', 'broken'])
})

test('?wait is a duration; what is none is refused and says how to write it', async () => {
  const path = await itemOf('created')
  for (const wait of ['20s', '1m', '1h', '500ms', '0s', '2%20seconds'])
    assert.equal((await ask(`${path}?wait=${wait}`)).status, 200, wait)
  for (const wait of ['soon', '-1s', '', '20s,1m']) {
    const answer = await ask(`${path}?wait=${wait}`)
    const { code, detail } = await bodyOf(answer)
    assert.deepEqual([answer.status, code], [422, 'OPTION_INVALID'], wait)
    assert.match(String(detail), /write it as 20s or 1m/)
  }
})

test('a wait that ends before the item answers how it stands', async () => {
  const path = await running()
  const began = performance.now()
  assert.equal((await bodyOf(await ask(`${path}?wait=300ms`)))['id'], path.slice('/queue-items/'.length))
  assert.ok(performance.now() - began >= 290)
  assert.equal((await ask(`${path}/result?wait=1ms`)).status, 202)
  await ask(path, { method: 'DELETE' })
})

/** The blocks of an event stream: WHATWG HTML, 9.2.6. */
function blocksOf(text: string): { comments: string[]; fields: [string, string][] }[] {
  assert.ok(text.endsWith('\n\n'), 'a stream ends with its last event')
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n')
      return {
        comments: lines.filter((line) => line.startsWith(':')),
        fields: lines
          .filter((line) => !line.startsWith(':'))
          .map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      }
    })
}

test('events: the media type, fields, ids and retry of Server-Sent Events (HTML, 9.2.5 and 9.2.6)', async () => {
  const path = await running()
  const answer = await ask(`${path}/events`, { headers: { accept: 'text/event-stream' } })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream(?:; ?charset=utf-8)?$/i)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  await ask(path, { method: 'DELETE' })
  const text = await answer.text()
  assert.doesNotMatch(text, /^\ufeff|[\r\0]/)
  const blocks = blocksOf(text)
  for (const [name, value] of blocks.flatMap(({ fields }) => fields)) {
    assert.ok(['retry', 'event', 'id', 'data'].includes(name), name)
    if (name === 'retry') assert.match(value, /^\d+$/)
  }
  const events = blocks.map(({ fields }) => Object.fromEntries(fields) as Record<string, string>)
  assert.deepEqual(events[0], { retry: '2000' })
  const told = events.slice(1)
  assert.ok(told.length > 0)
  for (const { event, id, data } of told) {
    assert.equal(event, 'status')
    const item = JSON.parse(data ?? '') as Record<string, unknown>
    assert.equal(id, `${String(item['state'])}-${String(item['attempts'])}`)
  }
  // the last is what the status says
  assert.deepEqual(JSON.parse(told.at(-1)?.['data'] ?? ''), await bodyOf(await ask(path)))
  const last = told.at(-1)?.['id'] ?? ''
  assert.match(last, /^cancelled-/)
  // 9.2.2: 204 tells an EventSource to come no more
  const again = await ask(`${path}/events`, { headers: { 'last-event-id': last } })
  assert.deepEqual(
    [again.status, await again.text(), again.headers.get('cache-control')],
    [204, '', 'no-store'],
  )
  const other = await ask(`${path}/events`, { headers: { 'last-event-id': 'running-1' } })
  assert.deepEqual([other.status, blocksOf(await other.text()).length], [200, 2])
})

test('line ends in what a handler says split no event (HTML, 9.2.6)', async () => {
  const text = 'a\r\n\r\ndata: forged\n\nid: x'
  const answer = await post('later', { act: text }, { prefer: 'wait=20', 'x-correlation-id': 'c' })
  const path = (answer.headers.get('content-location') ?? '').replace(/\/result$/, '')
  assert.deepEqual(await bodyOf(answer), { got: { act: text } })
  assert.equal(blocksOf(await (await ask(`${path}/events`)).text()).length, 2)
  gate.resolve()
})

test('node.result and HTTP agree', async () => {
  const path = await itemOf('created')
  const id = path.slice('/queue-items/'.length) as QueueItemId
  assert.deepEqual(await node().result(id), await bodyOf(await ask(`${path}/result`)))
})
