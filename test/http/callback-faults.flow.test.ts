import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ItemLogEntry } from '../../src/define/item.ts'
import { attemptsIn, secret, setupCallbacks, type CallbackNode } from './callback-setup.ts'
import { startReceiver, verified, type Receiver } from './receiver.ts'

/** Case 30 of the reliability bar: whatever a receiver does, the node holds to Standard Webhooks. */

const hour = 3_600_000

async function callbackOf(node: CallbackNode, item: string) {
  const found = (await node.callbacks()).find(({ context }) => context.causationId === item)
  assert.ok(found, `no callback of ${item}`)
  return found
}

/** One node whose attempts end within a second, and what became of the callback of one item. */
async function sendTo(node: CallbackNode, url: string) {
  const id = await node.queue('work', {}, url)
  await node.drain()
  const callback = await callbackOf(node, id)
  return { id, callback, attempts: attemptsIn(await node.itemLog(callback.id)) }
}

/** That every request that came is signed, and how many there were. */
function countSigned(receiver: Receiver): string {
  for (const received of receiver.all) verified(received, [secret])
  return `${receiver.all.length} of ${receiver.all.length} requests are signed`
}

function sameIds(receiver: Receiver, path: string): string[] {
  return [...new Set(receiver.at(path).map(({ headers }) => headers['webhook-id'] ?? ''))]
}

/** How long the first attempt took, as its line says. */
function durationIn(log: readonly ItemLogEntry[]): number {
  const [line] = log.filter(({ event }) => event === 'log')
  return (line?.data as { durationMs?: number } | undefined)?.durationMs ?? Number.NaN
}

test('a receiver that is down is asked ten times in 75 hours, then a person can ask once more', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const path = '/status/500,500,500,500,500,500,500,500,500,500,200/down'
  const { id } = await sendTo(node, receiver.url(path))
  const plan = [5, 300, 1_800, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600]
  for (const [at, seconds] of plan.entries()) {
    const { state, dueAt } = await callbackOf(node, id)
    assert.equal(state, 'scheduled')
    const inMs = (dueAt?.getTime() ?? 0) - (await node.now()).getTime()
    // by the jitter, and by what has passed since
    assert.ok(inMs <= seconds * 1_100 && inMs >= seconds * 900 - 4_000, `${at}: ${inMs} ms for ${seconds} s`)
    await node.advance(inMs + 1_000)
    await receiver.until(path, at + 2)
    await node.drain()
  }
  const broken = await callbackOf(node, id)
  assert.deepEqual([broken.state, broken.attempts, broken.error?.code], ['broken', 10, 'CALLBACK_FAILED'])
  assert.deepEqual(
    attemptsIn(await node.itemLog(broken.id)),
    Array.from({ length: 10 }, () => 500),
  )
  await node.advance(1_000 * hour)
  await node.drain()
  assert.equal(receiver.at(path).length, 10)
  await node.requeue(broken.id)
  await receiver.until(path, 11)
  await node.drain()
  assert.equal((await callbackOf(node, id)).state, 'succeeded')
  assert.deepEqual(sameIds(receiver, path), [broken.id])
  t.diagnostic(countSigned(receiver))
  const bodies = receiver.at(path).map((received) => verified(received, [secret]))
  assert.deepEqual(
    bodies,
    bodies.map(() => bodies[0]),
  )
})

test('only 2xx is a success; a redirect leads nowhere; 410 ends it', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  for (const status of [200, 201, 202, 204, 299]) {
    const { callback } = await sendTo(node, receiver.url(`/status/${status}/fine`))
    assert.equal(callback.state, 'succeeded', String(status))
  }
  for (const status of [300, 304, 400, 401, 404, 409, 418, 429, 500, 502, 503]) {
    const { callback, attempts } = await sendTo(node, receiver.url(`/status/${status}/no`))
    assert.deepEqual([callback.state, attempts], ['scheduled', [status]])
    assert.equal(callback.error?.code, 'CALLBACK_FAILED')
  }
  for (const status of [301, 302, 303, 307, 308]) {
    const { callback, attempts } = await sendTo(node, receiver.url(`/redirect/${status}`))
    assert.deepEqual([callback.state, attempts], ['scheduled', [status]])
  }
  assert.deepEqual(receiver.at('/status/200/redirected'), [])
  const gone = '/status/410,200/gone'
  const { callback, id } = await sendTo(node, receiver.url(gone))
  assert.deepEqual([callback.state, callback.attempts, callback.error?.code], ['broken', 1, 'REJECTED'])
  assert.match(callback.error?.message ?? '', /answered 410: it takes no callbacks any more/)
  await node.advance(100 * hour)
  await node.drain()
  assert.equal(receiver.at(gone).length, 1)
  await node.requeue(callback.id)
  await receiver.until(gone, 2)
  await node.drain()
  assert.equal((await callbackOf(node, id)).state, 'succeeded')
  assert.deepEqual(sameIds(receiver, gone), [callback.id])
  t.diagnostic(countSigned(receiver))
})

test('a receiver may ask for patience, for more than the schedule gives and not for less', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const inAnHour = new Date(Date.now() + hour).toUTCString()
  const waits: [string, number, number][] = [
    ['429,3600', 3_600, 3_600],
    ['503,3600', 3_600, 3_600],
    ['502,60', 60, 60],
    ['504,60', 60, 60],
    [`429,${encodeURIComponent(inAnHour)}`, 3_590, 3_600],
    ['429,1', 4, 6],
    ['429,0', 4, 6],
    ['429,-5', 4, 6],
    ['429,soon', 4, 6],
    // never more than a day
    ['429,9999999999', 86_400, 86_400],
    // not one who throttles
    ['500,3600', 4, 6],
  ]
  for (const [what, least, most] of waits) {
    const path = `/later/${what}`
    // the date is decoded where it is answered
    const { id, callback } = await sendTo(node, receiver.url(path))
    const waitMs = (callback.dueAt?.getTime() ?? 0) - (await node.now()).getTime()
    assert.ok(waitMs <= most * 1_000 && waitMs >= least * 1_000 - 4_000, `${what}: ${waitMs} ms`)
    if (!what.endsWith(',3600')) continue
    await node.advance('10 minutes')
    await node.drain()
    assert.equal(receiver.at(path).length, what.startsWith('500') ? 2 : 1, what)
    await node.advance('51 minutes')
    await receiver.until(path, 2)
    await node.drain()
    assert.equal((await callbackOf(node, id)).state, 'succeeded')
    assert.deepEqual(sameIds(receiver, path), [callback.id])
  }
})

test(
  'whatever else a receiver does ends within the timeout, as an attempt that failed',
  { timeout: 120_000 },
  async (t) => {
    const receiver = await startReceiver(t)
    const node = await setupCallbacks(t, {
      callbacks: { secrets: [secret], allowHosts: ['127.0.0.1'], timeout: '2s' },
    })
    const cases: [string, RegExp][] = [
      [receiver.url('/silent/a'), /TIMEOUT: it was not answered within 2000 ms/],
      [receiver.url('/slow-head/a'), /TIMEOUT/],
      [receiver.url('/huge-head/a'), /Headers Overflow/i],
      [receiver.url('/garbage/a'), /expected HTTP|parse/i],
      [receiver.url('/reset/a'), /ECONNRESET|closed|CONNECTION_FAILED/],
      [`http://127.0.0.1:${receiver.closed}/a`, /ECONNREFUSED/],
      [`http://127.0.0.1:${receiver.garbage}/a`, /expected HTTP|parse/i],
      [`https://127.0.0.1:${receiver.garbage}/a`, /SSL|EPROTO|wrong version/i],
      // it speaks HTTP, not TLS
      [
        `https://127.0.0.1:${receiver.http}/a`,
        /SSL|EPROTO|ECONNRESET|CONNECTION_FAILED|wrong version|TIMEOUT/i,
      ],
    ]
    for (const [url, says] of cases) {
      const { callback, attempts } = await sendTo(node, url)
      assert.deepEqual([callback.state, callback.attempts], ['scheduled', 1], url)
      assert.equal(callback.error?.code, 'CALLBACK_FAILED')
      assert.match(String(attempts[0]), says, url)
      const durationMs = durationIn(await node.itemLog(callback.id))
      t.diagnostic(
        `${new URL(url).protocol} ${new URL(url).pathname}: ${String(attempts[0])} (${durationMs} ms)`,
      )
      assert.ok(durationMs < 6_000, `${url}: ${durationMs} ms`)
    }
  },
)

test('an answer without an end is not read to its end', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t)
  const before = process.memoryUsage().rss
  for (const [path, state] of [
    ['/slow-body/a', 'succeeded'],
    ['/huge/200', 'succeeded'],
    ['/huge/500', 'scheduled'],
  ] as const) {
    const { callback, attempts } = await sendTo(node, receiver.url(path))
    assert.deepEqual([callback.state, attempts.length], [state, 1], path)
    const durationMs = durationIn(await node.itemLog(callback.id))
    t.diagnostic(`${path}: ${state} after ${durationMs} ms`)
    assert.ok(durationMs < 6_000, `${path}: ${durationMs} ms`)
  }
  // what the buffers of both sockets take is more than what is read
  const { poured } = await receiver.tally()
  t.diagnostic(`${poured} bytes of two endless answers left the receiver; ${countSigned(receiver)}`)
  assert.ok(poured > 100_000 && poured < 32_000_000, `${poured} bytes were taken`)
  assert.ok(process.memoryUsage().rss - before < 200_000_000)
})

test('a receiver that does not answer holds four places, and others get theirs meanwhile', async (t) => {
  const receiver = await startReceiver(t)
  const other = await startReceiver(t)
  const node = await setupCallbacks(t, {
    callbacks: { secrets: [secret], allowHosts: ['127.0.0.1'], timeout: '3s' },
  })
  const ids = await Promise.all(
    Array.from({ length: 24 }, () => node.queue('work', {}, receiver.url('/silent/many'))),
  )
  await receiver.until('/silent/many', 3)
  const asked = Date.now()
  await node.queue('work', {}, other.url('/status/200/quick'))
  const [quick] = await other.until('/status/200/quick', 1)
  assert.ok((quick?.at ?? 0) - asked < 2_500, `${(quick?.at ?? 0) - asked} ms`)
  assert.ok(receiver.at('/silent/many').length <= 4)
  t.diagnostic(
    `${receiver.at('/silent/many').length} of 24 under way; another receiver got its own after ${(quick?.at ?? 0) - asked} ms`,
  )
  assert.equal(ids.length, 24)
  await node.stop()
})

test('what was let through once is looked at again each time it is sent', async (t) => {
  const receiver = await startReceiver(t)
  const node = await setupCallbacks(t, { callbacks: { secrets: [secret] } })
  const ending = {
    id: 'x',
    queue: 1,
    definition: 'service:work',
    state: 'succeeded',
    attempts: 1,
    enqueuedAt: 0,
  }
  const target = { kind: 'queue-processor', name: 'coatcheck.callback' } as const
  const id = await node.enqueue(target, { url: receiver.url('/status/200/inside'), ending } as never)
  await node.drain()
  const item = await node.item(id)
  assert.deepEqual([item?.state, item?.error?.code], ['scheduled', 'OUTBOUND_REFUSED'])
  assert.deepEqual(receiver.all, [])
})
