import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFetchRequest } from '../../src/http/fetch-message.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

const path = '/services/hr/hire-worker'

/** Sends bytes as they are and gives status and code of the answer. */
async function send(
  body: RequestInit['body'] | null,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) {
  const { ask, road } = setupDoor()
  const init = { method: 'POST', headers, body, duplex: 'half' }
  const answer = await ask(path, init as RequestInit)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(road.items.size, 0)
  return [answer.status, (await bodyOf(answer))['code']]
}

/** The status, before what was left of the body is read over. */
async function statusOf(body: ReadableStream, headers: Record<string, string> = {}): Promise<number> {
  const { door } = setupDoor()
  const given = { 'content-type': 'application/json', ...headers }
  const init = { method: 'POST', headers: given, body, duplex: 'half' }
  const request = new Request(`http://localhost:3000${path}`, init as RequestInit)
  return (await door.answer(readFetchRequest(request), { loopback: true })).status
}

test('a body that is no JSON is 400', async () => {
  assert.deepEqual(await send('{"employeeId":'), [400, 'MALFORMED_JSON'])
  assert.deepEqual(await send(''), [400, 'MALFORMED_JSON'])
  assert.deepEqual(await send(null), [400, 'MALFORMED_JSON'])
})

test('a body that is not UTF-8 is 400', async () => {
  const text = Buffer.from('{"employeeId":"é"}', 'latin1')
  assert.deepEqual(await send(text), [400, 'MALFORMED_JSON'])
})

test('a body of another media type, or of none, is 415', async () => {
  const body = new TextEncoder().encode('{"employeeId":"42"}')
  for (const headers of [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    {},
  ])
    assert.deepEqual(await send(body, headers as Record<string, string>), [415, 'UNSUPPORTED_MEDIA_TYPE'])
})

test('JSON may say its charset or be of a kind', async () => {
  const { post } = setupDoor()
  for (const type of ['application/json; charset=UTF-8', 'Application/Vnd.hr+JSON'])
    assert.equal((await post(path, { employeeId: '42' }, { 'content-type': type })).status, 202, type)
})

test('a body over the limit is 413, and no more of it is read than the limit', async () => {
  const large = JSON.stringify({ employeeId: 'x'.repeat(200) })
  assert.deepEqual(await send(large), [413, 'PAYLOAD_TOO_LARGE'])
  let given = 0
  const endless = new ReadableStream(
    {
      pull(controller) {
        given += 1
        controller.enqueue(new Uint8Array(64).fill(32))
      },
    },
    { highWaterMark: 0 },
  )
  assert.equal(await statusOf(endless), 413)
  assert.equal(given, 4)
})

test('a declared length over the limit is 413 before anything is read', async () => {
  let given = 0
  const body = new ReadableStream({ pull: () => void (given += 1) }, { highWaterMark: 0 })
  assert.equal(await statusOf(body, { 'content-length': '201' }), 413)
  assert.equal(given, 0)
})

test('what nobody wanted of a body is read over, up to 16 MB: the next request comes behind it', async () => {
  const chunk = new Uint8Array(65_536)
  for (const [sent, read] of [
    [20, 20],
    [Infinity, 16 * 16],
  ] as const) {
    let given = 0
    const over = Promise.withResolvers<void>()
    const body = new ReadableStream(
      {
        pull(controller) {
          if (given === sent) {
            controller.close()
            over.resolve()
            return
          }
          given += 1
          controller.enqueue(chunk)
          if (given === read && sent === Infinity) over.resolve()
        },
      },
      { highWaterMark: 0 },
    )
    assert.deepEqual(await send(body), [413, 'PAYLOAD_TOO_LARGE'])
    await over.promise
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    assert.ok(given - read <= 1, `${given} pieces were read`)
  }
})

test('input that does not fit the schema is 422 and says where', async () => {
  const { post } = setupDoor()
  const answer = await post(path, { employeeId: '42', age: 'old' })
  const body = await bodyOf(answer)
  assert.equal(answer.status, 422)
  assert.equal(body['type'], 'urn:coatcheck:error:PAYLOAD_INVALID')
  assert.equal(body['title'], 'The payload does not fit its schema')
  const [error] = body['errors'] as [{ detail: string; pointer: string }]
  assert.equal(error.pointer, '#/age')
  assert.match(error.detail, /number/)
})

test('JSON that cannot be stored is 422', async () => {
  const { post } = setupDoor()
  const answer = await post(path, '{"employeeId":"42","__proto__":{}}')
  assert.equal(answer.status, 422)
  assert.deepEqual((await bodyOf(answer))['errors'], [
    { detail: 'the key "__proto__"', pointer: '#/__proto__' },
  ])
})

test('JSON that nests too deeply is 422', async () => {
  const { post } = setupDoor()
  const answer = await post('/v1/obey', '['.repeat(600) + ']'.repeat(600))
  assert.equal(answer.status, 422)
  assert.equal((await bodyOf(answer))['code'], 'PAYLOAD_TOO_DEEP')
})
