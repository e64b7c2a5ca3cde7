import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findItems } from '../../src/engine/item-search.ts'
import { engineOf } from '../../src/node.ts'
import { answerLost, intercept, unreachable } from '../engine/faults.ts'
import { attemptsIn, secret, setupCallbacks } from './callback-setup.ts'
import { startReceiver, verified } from './receiver.ts'

test('the end of a queued request is posted once: signed, with its result, in its trace', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const answer = await node.call(
    'work',
    { act: 'well' },
    {
      'callback-url': receiver.url('/status/204/well?token=t'),
      'x-correlation-id': 'order-7',
      // flags that nobody has given a meaning yet are not passed on
      traceparent: `00-${trace}-b7ad6b7169203331-fd`,
    },
  )
  assert.equal(answer.status, 202)
  assert.equal(answer.headers.get('preference-applied'), null)
  const { id } = (await answer.json()) as { id: string }
  const [received] = await receiver.until('/status/204/well?token=t', 1)
  await node.drain()
  const { type, timestamp, data } = verified(received, [secret])
  assert.ok(received)
  assert.equal(type, 'queue-item.succeeded')
  const { attempts: _attempts, ...status } = (await (
    await fetch(`${node.url}/queue-items/${id}`)
  ).json()) as Record<string, unknown>
  const { result, startedAt, attempts, ...said } = data
  assert.deepEqual([result, attempts], [{ done: 'well' }, 1])
  // measured by the node, and rounded: a millisecond is nothing
  const { startedAt: storedStart, endedAt, ...stored } = status as { startedAt: string; endedAt: string }
  assert.ok(Math.abs(Date.parse(startedAt as string) - Date.parse(storedStart)) <= 100)
  assert.deepEqual({ ...said, endedAt: timestamp }, { ...stored, endedAt: timestamp })
  assert.equal(data['endedAt'], timestamp)
  assert.ok(Math.abs(Date.parse(timestamp) - Date.parse(endedAt)) <= 100)
  assert.equal(data['correlationId'], 'order-7')
  assert.deepEqual(data['progress'], { at: 'work' })
  const { headers } = received
  assert.match(headers['traceparent'] ?? '', new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
  assert.match(headers['user-agent'] ?? '', /^Coatcheck\/\d/)
  assert.equal(headers['content-type'], 'application/json')
  const [callback, ...others] = await node.callbacks()
  assert.deepEqual(others, [])
  assert.equal(callback?.id, headers['webhook-id'])
  assert.deepEqual(
    [callback?.state, callback?.attempts, callback?.context.causationId, callback?.context.correlationId],
    ['succeeded', 1, id, 'order-7'],
  )
  const log = await node.itemLog(callback?.id ?? '')
  assert.deepEqual(attemptsIn(log), [204])
  assert.ok(!JSON.stringify([log, callback?.result]).includes('token=t'))
  assert.equal(receiver.all.length, 1)
})

test('a preference asks for it too, and Preference-Applied says so', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const url = (name: string) => receiver.url(`/status/200/${name}`)
  const asked: [string, string, string][] = [
    ['work', `callback; url="${url('a')}"`, 'callback'],
    ['work', `wait=0, odata.callback; url="${url('b')}"`, 'wait=0, callback'],
    ['plain', `respond-async, Callback; url=${url('c')}`, 'respond-async, callback'],
    ['now', `callback; url="${url('d')}"`, 'callback'],
  ]
  for (const [service, prefer, applied] of asked) {
    const answer = await node.call(service, service === 'now' ? { act: 'fail' } : {}, { prefer })
    assert.equal(answer.status, 202, prefer)
    assert.equal(answer.headers.get('preference-applied'), applied)
  }
  // the header comes first
  const both = await node.call(
    'work',
    {},
    { prefer: `callback; url="${url('no')}"`, 'callback-url': url('e') },
  )
  assert.equal(both.headers.get('preference-applied'), null)
  await node.advance('2 minutes')
  for (const name of ['a', 'b', 'c', 'd', 'e']) await receiver.until(`/status/200/${name}`, 1)
  await node.drain()
  assert.equal(receiver.all.length, 5)
})

test('however an item ends, it is told, each time it ends', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const by = { operator: 'ada' }
  const url = (name: string) => receiver.url(`/status/200/${name}`)
  const said = async (name: string, count = 1) =>
    verified((await receiver.until(`/status/200/${name}`, count))[count - 1], [secret])

  await node.queue('work', { act: 'problem' }, url('problem'))
  const failing = await node.queue('work', { act: 'fail' }, url('fail'))
  const rejected = await node.queue('work', { act: 'reject' }, url('reject'))
  const waiting = await node.queue('work', { act: 'fail' }, url('cancel-in-lane'))
  const running = await node.queue('work', { act: 'obey' }, url('cancel-running'))
  const broken = await said('reject')
  assert.equal(broken.type, 'queue-item.broken')
  assert.deepEqual(broken.data['error'], {
    type: 'urn:coatcheck:error:REJECTED',
    title: 'The handler rejected the item',
    status: 422,
    detail: 'The handler rejected the item.',
    code: 'REJECTED',
  })
  await until(async () => (await node.item(waiting))?.state === 'scheduled')
  await until(async () => (await node.item(running))?.attempts === 1)
  assert.equal((await node.cancel(waiting, by)).verdict, 'applied')
  await node.cancel(running, by)
  for (const [name, attempts] of [
    ['cancel-in-lane', 1],
    ['cancel-running', 1],
  ] as const) {
    const { type, data } = await said(name)
    assert.deepEqual(
      [type, data['state'], data['reason'], data['attempts'], data['result']],
      ['queue-item.cancelled', 'cancelled', 'operator', attempts, undefined],
    )
  }
  await node.advance('2 hours')
  const { data } = await said('fail')
  assert.deepEqual([data['id'], data['attempts'], data['state']], [failing, 2, 'broken'])
  const problem = (await said('problem')).data['error'] as { status: number; code: string }
  assert.deepEqual([problem.status, problem.code], [409, 'TAKEN'])
  assert.ok(!JSON.stringify(receiver.all).includes('secret of the inside'))

  // what ended goes on, and ends again: with another id each time
  await node.requeue(rejected, { input: { act: 'well' }, ...by })
  assert.equal((await said('reject', 2)).type, 'queue-item.succeeded')
  await node.remove(failing, by)
  assert.equal((await said('fail', 2)).type, 'queue-item.cancelled')
  await node.drain()
  const ids = receiver.all.map(({ headers }) => headers['webhook-id'])
  assert.deepEqual([ids.length, new Set(ids).size], [7, 7])
})

test('an item keeps its callback wherever it goes; its children and clones have none', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const url = (name: string) => receiver.url(`/status/200/${name}`)
  const edited = await node.queue('work', { act: 'fail' }, url('edited'))
  const deferred = await node.queue('work', { act: 'fail' }, url('deferred'))
  await node.queue('work', { act: 'spawn' }, url('parent'))
  const rejected = await node.queue('work', { act: 'reject' }, url('requeued'))
  await node.drain()
  assert.equal((await node.edit(edited, { input: { act: 'edited' } })).verdict, 'applied')
  assert.equal((await node.defer(deferred)).verdict, 'applied')
  assert.equal((await node.edit(deferred, { input: { act: 'resumed' } })).verdict, 'applied')
  await node.resume(deferred)
  await node.requeue(rejected, { input: { act: 'fail' } })
  await node.clone(edited, { input: { act: 'clone' } })
  await node.drain()
  await node.advance('2 hours')
  const results: [string, number, unknown][] = [
    ['edited', 1, { done: 'edited' }],
    ['deferred', 1, { done: 'resumed' }],
    ['parent', 1, { done: 'spawn' }],
    ['requeued', 2, undefined],
  ]
  for (const [name, count, result] of results) {
    const came = await receiver.until(`/status/200/${name}`, count)
    assert.deepEqual(verified(came[count - 1], [secret]).data['result'], result, name)
  }
  await node.drain()
  assert.equal(receiver.all.length, 5)
})

for (const when of ['before it came', 'after it was done'] as const)
  test(`a settle that is lost ${when} puts each callback on the road once`, async (t) => {
    const receiver = await startReceiver(t)
    const node = await setupCallbacks(t)
    let calls = 0
    const stop = intercept(node, async (name, proceed) => {
      if (!/^settle-\d/.test(name) || ++calls % 2 === 0) return proceed()
      if (when === 'before it came') throw unreachable()
      await proceed()
      throw answerLost()
    })
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        node.queue('work', { act: at % 4 === 0 ? 'reject' : 'well' }, receiver.url(`/status/200/${at}`)),
      ),
    )
    await node.drain()
    stop()
    assert.ok(calls > 2)
    for (const [at] of ids.entries()) await receiver.until(`/status/200/${at}`, 1)
    await node.drain()
    const told = (await node.callbacks()).map(({ context }) => context.causationId ?? '')
    assert.deepEqual(new Set(told), new Set(ids))
    assert.equal(told.length, ids.length)
    assert.equal(receiver.all.length, 20)
  })

test('an item that is cancelled while nobody owns its partition is told of too', async (t) => {
  const receiver = await startReceiver(t)
  const door = await setupCallbacks(t, { nodeTypes: ['web'] })
  const path = '/status/200/unowned'
  const id = await door.queue('work', {}, receiver.url(path))
  assert.equal((await door.cancel(id)).verdict, 'applied')
  await setupCallbacks(t, { place: door.place, nodeTypes: ['background'] })
  const { type, data } = verified((await receiver.until(path, 1))[0], [secret])
  assert.deepEqual([type, data['id'], data['attempts']], ['queue-item.cancelled', id, 0])
})

test('a node without callbacks puts them on the road for those that have them', async (t) => {
  const receiver = await startReceiver(t)
  const door = await setupCallbacks(t, { nodeTypes: ['web'] })
  const settler = await setupCallbacks(t, { place: door.place, callbacks: undefined as never })
  const path = '/status/200/by-another'
  const id = await door.queue('work', {}, receiver.url(path))
  await door.result(id as never, { wait: '20s' })
  await settler.stop()
  assert.deepEqual(
    (await door.callbacks()).map(({ state }) => state),
    ['ready'],
  )
  await setupCallbacks(t, { place: door.place, nodeTypes: ['background'] })
  await receiver.until(path, 1)
})

test('a request that is sent again has one item, and the callback of the first', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  for (const service of ['work', 'now']) {
    const ask = (name: string) =>
      node.call(
        service,
        { act: 'fail' },
        {
          'idempotency-key': `key-of-${service}`,
          prefer: `respond-async, callback; url="${receiver.url(`/status/200/${service}-${name}`)}"`,
        },
      )
    const [first, second] = [await ask('first'), await ask('second')]
    assert.deepEqual([first.status, second.status], [202, 202])
    assert.equal(first.headers.get('location'), second.headers.get('location'))
    assert.deepEqual(
      [first, second].map(({ headers }) => headers.get('preference-applied')),
      ['respond-async, callback', 'respond-async'],
    )
  }
  await node.drain()
  await node.advance('2 hours')
  await receiver.until('/status/200/work-first', 1)
  await receiver.until('/status/200/now-first', 1)
  await node.drain()
  assert.equal(receiver.all.length, 2)
})

test('a request that is answered at once has no callback; one that is answered in time has', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const at = (name: string) => ({ 'callback-url': receiver.url(`/status/200/${name}`) })
  assert.equal((await node.call('plain', {}, at('plain'))).status, 200)
  assert.equal((await node.call('now', {}, at('now'))).status, 200)
  // nobody looks at a URL that nobody will need
  assert.equal((await node.call('plain', {}, { 'callback-url': 'nonsense' })).status, 200)
  const waited = await node.call('work', {}, { ...at('waited'), prefer: 'wait=20' })
  assert.deepEqual([waited.status, await waited.json()], [200, { done: 'nothing' }])
  const queued = await node.call('now', { act: 'fail' }, at('queued'))
  assert.equal(queued.status, 202)
  await node.advance('2 minutes')
  await receiver.until('/status/200/waited', 1)
  const { data } = verified((await receiver.until('/status/200/queued', 1))[0], [secret])
  assert.deepEqual([data['attempts'], data['result']], [2, { done: 2 }])
  await node.drain()
  assert.equal(receiver.all.length, 2)
})

test('a result that is too long is left out, and its link stays', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t, {
    callbacks: { secrets: [secret], allowHosts: ['127.0.0.1'], maxBody: '4 kB' },
  })
  for (const [name, size] of [
    ['short', 1_000],
    ['long', 2_000],
    ['beyond the log', 1_200_000],
  ] as const) {
    const path = `/status/200/${encodeURIComponent(name)}`
    const id = await node.queue('work', { size }, receiver.url(path))
    const [received] = await receiver.until(path, 1)
    const { data } = verified(received, [secret])
    assert.ok(Buffer.byteLength(received?.body ?? '') <= 4_096)
    const isWhole = name === 'short'
    assert.deepEqual(
      [data['result'] !== undefined, data['resultLeftOut']],
      [isWhole, isWhole ? undefined : true],
    )
    const { result } = data['links'] as { result: string }
    const answer = await fetch(`${node.url}${result}`)
    assert.deepEqual(await answer.json(), { done: 'nothing', text: 'ä'.repeat(size) }, id)
  }
})

test('a result with NUL is left out, and a receiver that fails holds up no settle', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const id = await node.queue('work', { act: 'nul' }, receiver.url('/status/500/nul'))
  await receiver.until('/status/500/nul', 1)
  // it goes to the lane, where its context is indexed
  await until(async () => (await node.callbacks())[0]?.state === 'scheduled')
  const { data } = verified(receiver.all[0], [secret])
  assert.deepEqual([data['id'], data['result'], data['resultLeftOut']], [id, undefined, true])
  assert.deepEqual((await node.item(id))?.result, { done: 'nul', nul: 'x\0\ud800' })

  // an older release wrote results into entries whatever they held: these are indexed and found all the same
  const { database } = engineOf(node)
  const { driver, schema } = database
  await driver.run({
    text: `update ${schema}.waiting_item set entry = left(entry, -1) || ',"x":"\\u0000\\ud800"}'`,
  })
  const { ids } = await findItems(database, { causationId: id }, { limit: 2, order: 'oldest' })
  assert.equal(ids.length, 1)
})

test('while secrets are changed each callback is signed with all of them', async (t) => {
  const receiver = await startReceiver(t)
  const other = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
  const node = await setupCallbacks(t, { callbacks: { secrets: [other, secret], allowHosts: ['127.0.0.1'] } })
  await node.queue('work', {}, receiver.url('/status/200/both'))
  const [received] = await receiver.until('/status/200/both', 1)
  verified(received, [other, secret])
  assert.match(received?.headers['webhook-signature'] ?? '', /^v1,\S{44} v1,\S{44}$/)
})

test('what is refused is refused before anything is accepted', async (t) => {
  const node = await setupCallbacks(t)
  const bare = await setupCallbacks(t, { callbacks: undefined as never, place: node.place })
  const good = 'https://example.com/hook'
  const cases: [typeof node, string, unknown, Record<string, string>, string, RegExp][] = [
    [
      node,
      'work',
      {},
      { 'callback-url': 'http://10.0.0.1/x' },
      'OUTBOUND_REFUSED',
      /^Callback-URL: "http:\/\/10\.0\.0\.1\/x" is refused: .*private/,
    ],
    [
      node,
      'work',
      {},
      { 'callback-url': 'ftp://example.com' },
      'OUTBOUND_REFUSED',
      /"ftp:\/\/example\.com" is refused: only http/,
    ],
    [node, 'work', {}, { 'callback-url': 'nonsense' }, 'OUTBOUND_REFUSED', /"nonsense"/],
    [node, 'work', {}, { 'callback-url': `${good}, ${good}` }, 'OUTBOUND_REFUSED', /blanks/],
    [
      node,
      'work',
      {},
      { prefer: 'callback; url="http://169.254.169.254/"' },
      'OUTBOUND_REFUSED',
      /^Prefer: callback: "http:\/\/169/,
    ],
    [node, 'work', {}, { prefer: 'callback' }, 'OUTBOUND_REFUSED', /has no url/],
    // it may fail and be queued, and cannot be undone then
    [
      node,
      'now',
      { act: 'fail' },
      { 'callback-url': 'http://127.0.0.2/' },
      'OUTBOUND_REFUSED',
      /127\.0\.0\.2/,
    ],
    [
      node,
      'plain',
      {},
      { 'callback-url': 'http://127.0.0.2/', prefer: 'respond-async' },
      'OUTBOUND_REFUSED',
      /127\.0\.0\.2/,
    ],
    [node, 'shy', {}, { 'callback-url': good }, 'CALLBACK_NOT_OFFERED', /^shy takes no callbacks/],
    [bare, 'work', {}, { 'callback-url': good }, 'CALLBACK_NOT_OFFERED', /callbacks: \{ secrets/],
  ]
  for (const [at, service, body, headers, code, says] of cases) {
    const answer = await at.call(service, body, headers)
    const problem = (await answer.json()) as { code: string; detail: string }
    assert.deepEqual([answer.status, problem.code], [422, code], problem.detail)
    assert.match(problem.detail, says)
  }
  assert.deepEqual(await node.items(), [])
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it did not come to that in 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
