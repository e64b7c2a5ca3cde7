import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoatcheckError } from '../../src/base/errors.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

const input = { employeeId: '42' }

test('a queued request is answered with 202, the ticket and where to look', async () => {
  const { post, road } = setupDoor({ basePath: '/integration' })
  const answer = await post('/integration/services/hr/hire-worker', input)
  const body = await bodyOf(answer)
  const self = `/integration/queue-items/${String(body['id'])}`
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('location'), self)
  assert.equal(answer.headers.get('retry-after'), '1')
  assert.equal(answer.headers.get('preference-applied'), null)
  assert.deepEqual(body, {
    id: body['id'],
    state: 'ready',
    links: { self, result: `${self}/result`, events: `${self}/events` },
  })
  assert.deepEqual(road.items.get(String(body['id']))?.item.input, input)
})

test('an immediate service answers itself', async () => {
  const { post, road } = setupDoor()
  const answer = await post('/v1/obey', { act: 'reply' })
  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('location'), '/accounts/1')
  assert.equal(answer.headers.get('content-length'), null)
  assert.equal(answer.headers.get('coatcheck-item-state'), null)
  assert.deepEqual(await bodyOf(answer), { ok: true })
  const empty = await post('/v1/obey', { act: 'no content' })
  assert.equal(empty.status, 204)
  assert.equal(await empty.text(), '')
  assert.equal(road.items.size, 0)
})

test('a service that fails answers with its problem, or with nothing from the inside', async () => {
  const { post, errors } = setupDoor()
  const answers: Record<string, unknown> = {}
  for (const act of ['problem', 'disconnect', 'upstream', 'time out', 'throw']) {
    const answer = await post('/v1/obey', { act })
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    const body = await bodyOf(answer)
    assert.equal(body['status'], answer.status)
    assert.doesNotMatch(JSON.stringify(body), /secret|10\.0\.0\.7|AccessDenied/)
    answers[act] = [answer.status, body['code'], body['detail']]
    if (act === 'problem') assert.deepEqual(body['errors'], [{ detail: 'taken', pointer: '#/act' }])
  }
  assert.deepEqual(answers, {
    problem: [409, 'ALREADY_HIRED', 'Employee 42 has an account'],
    disconnect: [502, 'CONNECTION_FAILED', 'The other system could not be reached.'],
    upstream: [500, 'HANDLER_FAILED', 'The handler threw.'],
    'time out': [504, 'TIMEOUT', 'The attempt ran into its timeout.'],
    throw: [500, 'HANDLER_FAILED', 'The handler threw.'],
  })
  // what callers are not shown, the log must have
  assert.deepEqual(
    errors.map((error) => (error as Error).message.slice(0, 15)),
    ['connect ECONNRE', 'secret: user ad', 'secret', 'secret in selec'],
  )
})

test('what queueWhen says yes to is queued for its second attempt', async () => {
  const { post, road } = setupDoor()
  const answer = await post('/v1/obey', { act: 'disconnect and queue' })
  const body = await bodyOf(answer)
  assert.equal(answer.status, 202)
  assert.equal(body['state'], 'scheduled')
  assert.match(answer.headers.get('retry-after') ?? '', /^(?:59|60)$/)
  assert.equal(road.items.get(String(body['id']))?.item.attempts, 1)
})

test('Prefer: respond-async queues what would have run at once, unless the service refuses', async () => {
  const { post, road } = setupDoor()
  const answer = await post('/v1/obey', { act: 'reply' }, { prefer: 'Respond-Async' })
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('preference-applied'), 'respond-async')
  assert.equal(road.items.size, 1)
  const refused = await post('/services/hr/insist', {}, { prefer: 'respond-async, wait=5' })
  assert.equal(refused.status, 200)
  assert.equal(refused.headers.get('preference-applied'), null)
  assert.equal(road.items.size, 1)
})

test('wait alone is ignored by a service that runs at once', async () => {
  const { post, road } = setupDoor()
  const answer = await post('/v1/obey', { act: 'reply' }, { prefer: 'wait=10' })
  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('preference-applied'), null)
  assert.equal(road.items.size, 0)
})

for (const [prefer, applied] of [
  ['wait=10', 'wait=10'],
  ['respond-async, wait=10', 'respond-async, wait=10'],
  ['wait=100, wait=1', 'wait=60'],
] as const)
  test(`Prefer: ${prefer} of a queued service answers with the result that comes in time`, async () => {
    const { post, road } = setupDoor()
    const answering = post('/services/hr/hire-worker', input, { prefer })
    const id = await firstItem(road)
    road.change(
      id,
      { state: 'succeeded', result: { account: 'a-1' } },
      { status: 201, headers: { 'x-own': 'yes' } },
    )
    const answer = await answering
    assert.equal(answer.status, 201)
    assert.equal(answer.headers.get('x-own'), 'yes')
    assert.equal(answer.headers.get('preference-applied'), applied)
    assert.equal(answer.headers.get('coatcheck-item-state'), 'succeeded')
    assert.equal(answer.headers.get('content-location'), `/queue-items/${id}/result`)
    assert.deepEqual(await bodyOf(answer), { account: 'a-1' })
  })

test('a wait that is over, or that fails, still answers with the ticket', async () => {
  const { post, road, door } = setupDoor()
  const answering = post('/services/hr/hire-worker', input, { prefer: 'wait=30' })
  const id = await firstItem(road)
  road.failure = new CoatcheckError('DATABASE_UNREACHABLE', 'connect ECONNREFUSED 10.0.0.7:5432')
  door.releaseWaits()
  const answer = await answering
  assert.equal(answer.status, 202)
  assert.equal((await bodyOf(answer))['id'], id)
  road.failure = undefined
  const released = post('/services/hr/hire-worker', input, { prefer: 'wait=30' })
  await firstItem(road)
  door.releaseWaits()
  assert.equal((await released).status, 202)
  assert.equal((await released).headers.get('preference-applied'), 'wait=30')
})

test('preferences that nobody knows, or that cannot be read, are ignored', async () => {
  const { post } = setupDoor()
  for (const prefer of ['wait=soon', 'handling=lenient; x="a, respond-async"', 'respond-async=no', ',,;=']) {
    const answer = await post('/v1/obey', { act: 'reply' }, { prefer })
    assert.equal(answer.status, 201, prefer)
  }
})

test('who asked is kept with the item and answered back', async () => {
  const { post, road } = setupDoor()
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const answer = await post('/services/hr/hire-worker', input, { traceparent, 'x-request-id': 'r-1' })
  const { context } = [...road.items.values()][0]!.item
  assert.deepEqual(context, { application: 'hr', correlationId: 'r-1', requestId: 'r-1', traceparent })
  assert.equal(answer.headers.get('x-request-id'), 'r-1')
  assert.equal(answer.headers.get('x-correlation-id'), 'r-1')
  assert.equal(answer.headers.get('traceparent'), traceparent)
  const bad = await post(
    '/v1/obey',
    { act: 'context' },
    {
      traceparent: '00-00000000000000000000000000000000-b7ad6b7169203331-01',
      'x-correlation-id': 'a b',
    },
  )
  const told = await bodyOf(bad)
  assert.equal(told['traceparent'], undefined)
  assert.match(String(told['correlationId']), /^[0-9a-f-]{36}$/)
  assert.equal(bad.headers.get('x-correlation-id'), told['correlationId'])
})

test('a request id is kept with the item beside the correlation id', async () => {
  const { post, road } = setupDoor()
  const ids = { 'x-correlation-id': 'c-1', 'x-request-id': 'r-1' }
  await post('/services/hr/hire-worker', input, ids)
  const { context } = [...road.items.values()][0]!.item
  assert.deepEqual(context, { application: 'hr', correlationId: 'c-1', requestId: 'r-1' })
  const told = await bodyOf(await post('/v1/obey', { act: 'context' }, ids))
  assert.deepEqual([told['correlationId'], told['requestId']], ['c-1', 'r-1'])
})

test('an error from inside is answered with a reference and told to the node', async () => {
  const { post, road, errors } = setupDoor()
  road.failure = new Error('secret')
  const answer = await post('/services/hr/hire-worker', input)
  const body = await bodyOf(answer)
  assert.equal(answer.status, 500)
  assert.equal(body['code'], 'INTERNAL')
  assert.match(String(body['reference']), /^[0-9a-f-]{36}$/)
  assert.doesNotMatch(JSON.stringify(body), /secret/)
  assert.deepEqual(errors, [road.failure])
  road.failure = new CoatcheckError('DATABASE_UNREACHABLE', 'connect ECONNREFUSED 10.0.0.7:5432')
  const away = await post('/services/hr/hire-worker', input)
  assert.equal(away.status, 503)
  assert.equal(away.headers.get('retry-after'), '1')
  assert.doesNotMatch(await away.text(), /10\.0\.0\.7/)
})

/** The id of the first item that somebody waits for. */
async function firstItem(road: { waiting: number; items: Map<string, unknown> }): Promise<string> {
  while (road.waiting === 0) await new Promise(setImmediate)
  return [...road.items.keys()].at(-1)!
}
