import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf } from '../door-setup.ts'
import { setupNode } from './setup.ts'

/** draft-ietf-httpapi-idempotency-key-header-07 and the strings of RFC 9651, 3.3.3. */
const { ask, post, wire, ran, waiting, gate } = setupNode()

const codeOf = async (answer: Response) => [answer.status, (await bodyOf(answer))['code']]

/** What a caller sees of an answer. */
async function told(answer: Response) {
  const names = ['content-type', 'location', 'content-location', 'coatcheck-item-state', 'preference-applied']
  return [answer.status, await answer.text(), ...names.map((name) => answer.headers.get(name))]
}

for (const act of ['created', 'problem', 'fail', 'nothing'])
  test(`the first answer is given again: ${act} (2.6)`, async () => {
    const before = ran.length
    const key = `"again-${act}"`
    const first = await post('now', { act }, { 'idempotency-key': key })
    assert.equal(first.headers.get('idempotency-replayed'), null)
    const answers = [await told(first)]
    for (let times = 0; times < 2; times++) {
      const again = await post('now', { act }, { 'idempotency-key': key })
      assert.equal(again.headers.get('idempotency-replayed'), 'true')
      answers.push(await told(again))
    }
    assert.deepEqual(answers[1], answers[0])
    assert.deepEqual(answers[2], answers[0])
    assert.equal(ran.length, before + 1)
  })

test('of a service that queues it is the same item, as it stands now (2.6)', async () => {
  const send = (prefer: string) => post('later', { act: 'created' }, { 'idempotency-key': '"item"', prefer })
  const first = await send('handling=strict')
  const { id } = await bodyOf(first)
  const again = await send('handling=strict')
  assert.deepEqual([again.status, (await bodyOf(again))['id']], [202, id])
  assert.equal(again.headers.get('location'), first.headers.get('location'))
  const waited = await send('wait=20')
  assert.deepEqual(
    [waited.status, waited.headers.get('content-location')],
    [201, `/queue-items/${String(id)}/result`],
  )
  assert.equal(waited.headers.get('idempotency-replayed'), 'true')
})

test('another payload under the key: 422; the order of members does not matter (2.7)', async () => {
  for (const service of ['now', 'later']) {
    // so that nothing runs on into the next case
    const headers = { 'idempotency-key': `"other-${service}"`, prefer: 'wait=20' }
    await post(service, '{"act":"a","more":1}', headers)
    assert.deepEqual(await codeOf(await post(service, '{"act":"b"}', headers)), [
      422,
      'IDEMPOTENCY_KEY_REUSED',
    ])
    const same = await post(service, ' { "more" : 1.0, "act" : "\\u0061" } ', headers)
    assert.equal(same.headers.get('idempotency-replayed'), 'true')
  }
})

test('while the first runs: 409, and it says when to come again (2.7)', async () => {
  const first = post('now', { act: 'wait' }, { 'idempotency-key': '"busy"' })
  while (waiting() === 0) await new Promise(setImmediate)
  const second = await post('now', { act: 'wait' }, { 'idempotency-key': '"busy"' })
  assert.match(second.headers.get('retry-after') ?? '1', /^[1-9]\d*$/)
  assert.deepEqual(await codeOf(second), [409, 'IDEMPOTENCY_KEY_IN_USE'])
  gate.resolve()
  assert.equal((await first).status, 200)
  assert.equal(waiting(), 1)
})

test('a service that needs a key says so and where it is explained: 400 (2.7)', async () => {
  const answer = await post('strict', {})
  const problem = await bodyOf(answer)
  assert.deepEqual([answer.status, problem['code']], [400, 'IDEMPOTENCY_KEY_REQUIRED'])
  assert.match(String(problem['detail']), /Idempotency-Key.*http\.md#idempotency-key/)
})

test('a key counts within its service (2.3)', async () => {
  const headers = { 'idempotency-key': '"scope"' }
  const first = await post('now', { act: 'created' }, headers)
  const other = await post('strict', { act: 'nothing' }, headers)
  assert.deepEqual([first.status, other.status], [201, 204])
  assert.equal(other.headers.get('idempotency-replayed'), null)
})

test('what was refused before it ran leaves the key free', async () => {
  const headers = { 'idempotency-key': '"free"' }
  assert.equal((await post('now', { act: 1 }, headers)).status, 422)
  assert.equal((await post('now', '{', headers)).status, 400)
  assert.equal((await post('now', {}, { ...headers, 'content-type': 'text/plain' })).status, 415)
  const answer = await post('now', { act: 'created' }, headers)
  assert.deepEqual([answer.status, answer.headers.get('idempotency-replayed')], [201, null])
})

test('methods that are idempotent pass the key over (1)', async () => {
  assert.equal((await ask('/healthz', { headers: { 'idempotency-key': '"' } })).status, 200)
})

/** Sends a field as it is on the wire. */
async function withKey(line: string) {
  const { answers } = await wire(
    `POST /services/hr/now HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${line}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
  )
  return answers[0]?.status
}

/** RFC 9651, 3.3.3 and 4.2.5: what is a string, and bare keys as many clients send them. */
const keys: Record<string, number> = {
  'Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"': 200,
  'IDEMPOTENCY-KEY:"no-space"': 200,
  'Idempotency-Key:   "spaces around"  ': 200,
  [String.raw`Idempotency-Key: "a \"quoted\" \\ part"`]: 200,
  'Idempotency-Key: "a, b; c=d"': 200,
  'Idempotency-Key: " "': 200,
  'Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9325': 200,
  'Idempotency-Key: key_AZ:~!/+==': 200,
  [`Idempotency-Key: "${'x'.repeat(255)}"`]: 200,
  [`Idempotency-Key: "${'x'.repeat(256)}"`]: 400,
  'Idempotency-Key: ""': 400,
  'Idempotency-Key: ': 400,
  'Idempotency-Key: "open': 400,
  'Idempotency-Key: open"': 400,
  'Idempotency-Key: "a"b': 400,
  'Idempotency-Key: "a" "b"': 400,
  'Idempotency-Key: "a";b=c': 400,
  'Idempotency-Key: "a", "b"': 400,
  'Idempotency-Key: "a"\r\nIdempotency-Key: "b"': 400,
  'Idempotency-Key: a\r\nIdempotency-Key: a': 400,
  [String.raw`Idempotency-Key: "a\n"`]: 400,
  [String.raw`Idempotency-Key: "a\"`]: 400,
  'Idempotency-Key: "a\tb"': 400,
  'Idempotency-Key: "a\x7f"': 400,
  'Idempotency-Key: "\xe4"': 400,
  'Idempotency-Key: a b': 400,
  'Idempotency-Key: a,b': 400,
  'Idempotency-Key: a;b': 400,
}
for (const [line, status] of Object.entries(keys))
  test(`${JSON.stringify(line).slice(0, 80)}: ${status} (RFC 9651, 3.3.3)`, async () => {
    assert.equal(await withKey(line), status)
  })

test('quoted and bare are one key, and escapes are undone (RFC 9651, 4.2.5)', async () => {
  const before = ran.length
  for (const key of ['"one"', 'one', String.raw`a\b`, String.raw`"a\\b"`])
    assert.equal((await post('now', {}, { 'idempotency-key': key })).status, 200)
  assert.equal(ran.length, before + 2)
  // 255 characters, though twice as many on the wire
  assert.equal(await withKey(`Idempotency-Key: "${String.raw`\"`.repeat(255)}"`), 200)
})
