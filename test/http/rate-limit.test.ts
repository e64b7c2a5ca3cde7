import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../../src/http/caller.ts'
import { allowanceHeaders, answerSpent, RateLimit } from '../../src/http/rate-limit.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

const callerOf = (id: string, rate?: Caller['rate']): Caller => ({
  kind: 'key',
  id,
  name: id,
  roles: [],
  ...(rate && { rate }),
})

/** A limit and a clock in hand. */
function setup(quota: number, windowMs: number) {
  const clock = { now: 1000 }
  return { clock, limit: new RateLimit({ quota, windowMs }, () => clock.now) }
}

test('in no window more than the quota is let through, whatever the times', () => {
  const { clock, limit } = setup(3, 10_000)
  const ada = callerOf('ada')
  const taken = [0, 0, 4000, 5000, 5999, 1, 9999, 0, 0, 0].map((afterMs) => {
    clock.now += afterMs
    return limit.take(ada)?.isSpent === false
  })
  // 0, 0, 4 s | 9 s is too early | 14.999 s begins a window, which ends at 24.999
  assert.deepEqual(taken, [true, true, true, false, true, true, true, true, true, false])
})

test('each caller has an allowance of its own, and one with a rate of its own has that', () => {
  const { limit } = setup(1, 60_000)
  const own = callerOf('own', { quota: 2, windowMs: 1000 })
  assert.equal(limit.take(callerOf('a'))?.isSpent, false)
  assert.equal(limit.take(callerOf('b'))?.isSpent, false)
  assert.equal(limit.take(callerOf('a'))?.isSpent, true)
  assert.equal(limit.take(own)?.policy, 'key')
  assert.equal(limit.take(own)?.isSpent, false)
  assert.equal(limit.take(own)?.isSpent, true)
  assert.equal(new RateLimit(undefined).take(callerOf('a')), undefined)
})

test('what is told of an allowance: remaining, and seconds until there is more, never too early', () => {
  const { clock, limit } = setup(2, 60_000)
  const first = limit.take(callerOf('a'))
  assert.ok(first)
  assert.deepEqual(allowanceHeaders(first), {
    'ratelimit-policy': '"node";q=2;w=60',
    ratelimit: '"node";r=1;t=60',
  })
  clock.now += 30_500
  limit.take(callerOf('a'))
  const spent = limit.take(callerOf('a'))
  assert.ok(spent?.isSpent)
  assert.equal(allowanceHeaders(spent).ratelimit, '"node";r=0;t=30')
  assert.equal(answerSpent(spent).headers['retry-after'], '30')
})

test('callers that are over are forgotten, and there is a most of them', () => {
  const { clock, limit } = setup(1, 1000)
  const first = callerOf('first')
  limit.take(first)
  for (let n = 0; n < 60_000; n++) limit.take(callerOf(`many-${n}`))
  // it began first, so it was forgotten for the others: it may ask again, which does less harm than memory without end
  assert.equal(limit.take(first)?.isSpent, false)
  assert.equal(limit.take(callerOf('many-59999'))?.isSpent, true)
  clock.now += 61_000
  assert.equal(limit.take(callerOf('many-59999'))?.isSpent, false)
})

test('429 over HTTP: a problem with the policy, and headers on every answer of the caller', async () => {
  const { ask } = setupDoor({
    auth: {
      signIn: { callerOf: () => Promise.resolve(callerOf('a')) },
      rate: { quota: 2, windowMs: 60_000 },
    },
  })
  const [first, second, third] = [await ask('/'), await ask('/nowhere'), await ask('/')]
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('ratelimit-policy'), '"node";q=2;w=60')
  assert.match(first.headers.get('ratelimit') ?? '', /^"node";r=1;t=60$/)
  assert.equal(second.status, 404)
  assert.match(second.headers.get('ratelimit') ?? '', /^"node";r=0;t=(?:59|60)$/)
  assert.equal(third.status, 429)
  assert.equal(third.headers.get('content-type'), 'application/problem+json')
  const wait = Number(/t=(\d+)/.exec(third.headers.get('ratelimit') ?? '')?.[1])
  assert.ok(Number(third.headers.get('retry-after')) >= wait)
  const body = await bodyOf(third)
  assert.equal(body['type'], 'https://iana.org/assignments/http-problem-types#quota-exceeded')
  assert.deepEqual(body['violated-policies'], ['node'])
  assert.equal(body['code'], 'RATE_LIMITED')
  assert.equal((await ask('/healthz')).status, 200)
  assert.equal((await ask('/healthz')).headers.get('ratelimit'), null)
})

test('a problem that a route ends in is told of the limit, too', async () => {
  const { ask } = setupDoor({
    auth: {
      signIn: { callerOf: () => Promise.resolve(callerOf('a')) },
      rate: { quota: 2, windowMs: 60_000 },
    },
  })
  const answer = await ask('/queue-items/17')
  assert.equal((await bodyOf(answer))['code'], 'ITEM_ID_INVALID')
  assert.match(answer.headers.get('ratelimit') ?? '', /^"node";r=1;t=60$/)
})
