import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { AppendRoom } from '../../src/engine/append-room.ts'
import { flushLimits, GroupCommit } from '../../src/engine/group-commit.ts'
import { until } from '../store/until.ts'

interface Flush {
  readonly items: readonly string[]
  readonly end: () => void
  readonly fail: (error: Error) => void
}

/** A group commit whose flushes end when the test says so. */
function setup(maxSize = 1_000, onFlush: (waitedMs: number) => void = () => {}) {
  const flushes: Flush[] = []
  const room = new AppendRoom({ maxSize, maxCalls: 1_000 })
  let running = 0
  const group = new GroupCommit(
    () => ({ size: 0, count: 0, items: [] as string[] }),
    async ({ items }, waitedMs) => {
      onFlush(waitedMs)
      assert.equal(++running, 1, 'one flush at a time')
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      flushes.push({ items, end: resolve, fail: reject })
      await promise.finally(() => running--)
    },
    room,
  )
  const add = (item: string, size = 1, count = 1) =>
    group.add((batch) => {
      batch.size += size
      batch.count += count
      return batch.items.push(item)
    })
  const flush = async (at: number): Promise<Flush> => {
    await until(`flush ${at} has begun`, () => flushes.length > at)
    return flushes[at]!
  }
  return { group, add, flush, flushes, room }
}

/** What became of promises by now: a code, `kept`, or `open`. */
async function settledNow(promises: readonly Promise<unknown>[]): Promise<string[]> {
  const states = promises.map(() => 'open')
  for (const [at, promise] of promises.entries())
    promise.then(
      () => (states[at] = 'kept'),
      (error: unknown) => (states[at] = isCoatcheckError(error) ? error.code : 'thrown'),
    )
  for (let turns = 0; turns < 5; turns++) await turn()
  return states
}

/** Whether a promise has been kept or broken by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = () => void (settled = true)
  promise.then(note, note)
  for (let at = 0; at < 5; at++) await turn()
  return settled
}

describe('group commit', () => {
  test('what waits goes before the callers of the last flush are woken, but not where it is little beside that', async () => {
    const { add, flush, flushes } = setup()
    const first = [add('a'), add('b')]
    const one = await flush(0)
    const waiting = [add('c')]
    let atWake = 0
    void first[0]?.then(() => (atWake = flushes.length))
    one.end()
    await Promise.all(first)
    assert.equal(atWake, 2, 'as much as half of it')
    const two = await flush(1)
    const many = Array.from({ length: 5 }, () => add('d'))
    two.end()
    await Promise.all(waiting)
    const three = await flush(2)
    const few = [add('e'), add('f')]
    const woken = many[0]?.then(() => add('g'))
    three.end()
    await Promise.all(many)
    const four = await flush(3)
    assert.deepEqual(four.items, ['e', 'f', 'g'], 'who was woken and comes again goes along')
    four.end()
    await Promise.all([...few, woken])
  })

  test('takes all that comes in one turn together, and tells each what its own put gave', async () => {
    const { add, flush } = setup()
    const added = Promise.all([add('a'), add('b'), add('c')])
    const first = await flush(0)
    assert.deepEqual(first.items, ['a', 'b', 'c'])
    first.end()
    assert.deepEqual(await added, [1, 2, 3])
  })

  test('puts what comes during a flush into the next one', async () => {
    const { add, flush, flushes } = setup()
    const early = add('early')
    const first = await flush(0)
    const late = ['b', 'c', 'd'].map((item) => add(item))
    assert.equal(await isSettled(Promise.race([early, ...late])), false)
    assert.equal(flushes.length, 1)
    first.end()
    await early
    const second = await flush(1)
    assert.deepEqual(second.items, ['b', 'c', 'd'])
    assert.equal(await isSettled(Promise.race(late)), false)
    second.end()
    await Promise.all(late)
  })

  test('a flush that fails reaches exactly those it was for', async () => {
    const { add, flush } = setup()
    const failing = [add('a'), add('b')]
    const first = await flush(0)
    const waiting = add('c')
    const error = new Error('the disk is full')
    first.fail(error)
    for (const one of failing) await assert.rejects(one, error)
    const second = await flush(1)
    second.end()
    await waiting
    const after = add('d')
    ;(await flush(2)).end()
    await after
  })

  test('refuses more than may be in memory, in flight included, and takes it again after the flush', async () => {
    const { add, flush, room } = setup(100)
    const isFull = (error: unknown): boolean =>
      isCoatcheckError(error, 'BACKLOG_FULL') && error.retryAfterMs! > 0
    const first = add('a', 60)
    const one = await flush(0)
    const waiting = [add('b', 40), add('c', 1)]
    await assert.rejects(add('d'), isFull)
    assert.deepEqual([room.size, room.calls], [101, 3])
    one.end()
    await first
    const two = await flush(1)
    assert.deepEqual(two.items, ['b', 'c'])
    const again = add('e')
    two.fail(new Error('away'))
    for (const one of waiting) await assert.rejects(one)
    ;(await flush(2)).end()
    await again
    assert.deepEqual([room.size, room.calls], [0, 0])
  })

  test('however many come while a flush has no answer, only so many are in memory', async () => {
    const { add, flush, room } = setup()
    const first = add('a')
    const one = await flush(0)
    const calls = await settledNow(Array.from({ length: 50_000 }, () => add('b', 0)))
    assert.equal(calls.filter((state) => state === 'BACKLOG_FULL').length, 49_001)
    assert.equal(room.calls, 1_000)
    one.end()
    await first
    ;(await flush(1)).end()
  })

  test('who waits behind a flush without an answer is refused in time, and so are those who come', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { add, flush, flushes, room } = setup()
    const first = add('a')
    const one = await flush(0)
    const waiting = add('b')
    t.mock.timers.tick(4_500)
    const notSent = (error: unknown): boolean =>
      isCoatcheckError(error, 'DATABASE_UNREACHABLE') && /nothing was sent/.test(error.message)
    await assert.rejects(waiting, notSent)
    await assert.rejects(add('c'), notSent)
    assert.equal(room.calls, 1)
    one.end()
    await first
    t.mock.timers.reset()
    const next = add('d')
    const two = await flush(1)
    assert.deepEqual(two.items, ['d'])
    two.end()
    await next
    assert.equal(flushes.length, 2)
  })

  test('a flush has its limits: what goes beyond them waits for the next, in order', async () => {
    const { add, flush, flushes } = setup(100_000_000)
    const { items, size } = flushLimits
    const first = add('a')
    const one = await flush(0)
    const added = [
      add('b', 1, items - 1),
      add('c'),
      add('d', size - 1),
      add('e', 2),
      add('f', size * 2),
      add('g'),
    ]
    one.end()
    await first
    const seen: string[] = []
    for (let at = 1; at <= 4; at++) {
      const next = await flush(at)
      assert.equal(flushes.length, at + 1)
      seen.push(next.items.join(''))
      next.end()
    }
    assert.deepEqual(seen, ['bc', 'de', 'f', 'g'])
    await Promise.all(added)
  })

  test('who has waited for 4.5 s behind flushes that go on is refused, and nobody else', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { add, flush, room } = setup(100_000_000)
    const first = add('a')
    const one = await flush(0)
    const full = add('b', 1, flushLimits.items)
    const late = add('c')
    t.mock.timers.tick(4_000)
    one.end()
    await first
    const two = await flush(1)
    t.mock.timers.tick(499)
    assert.deepEqual(await settledNow([full, late]), ['open', 'open'])
    t.mock.timers.tick(1)
    assert.deepEqual(await settledNow([full, late]), ['open', 'BACKLOG_FULL'])
    const after = add('d')
    two.end()
    await full
    const three = await flush(2)
    assert.deepEqual(three.items, ['d'])
    three.end()
    await after
    assert.deepEqual([room.size, room.calls], [0, 0])
  })

  test('a flush is told how long the first of its callers has waited', async () => {
    const waited: number[] = []
    const { add, flush } = setup(1_000, (ms) => waited.push(ms))
    const first = add('a')
    const one = await flush(0)
    const second = add('b')
    await pause(50)
    one.end()
    ;(await flush(1)).end()
    await Promise.all([first, second])
    assert.ok(waited[1]! >= 45, `${waited[1]}`)
  })

  test('what cannot be put is refused for its caller alone', async () => {
    const { group, add, flush } = setup()
    const good = add('a')
    const wrong = new Error('no such queue')
    const bad = group.add(() => {
      throw wrong
    })
    await assert.rejects(bad, wrong)
    const first = await flush(0)
    assert.deepEqual(first.items, ['a'])
    first.end()
    await good
  })

  test('close waits for what was taken, in flight or not, and takes nothing more', async () => {
    const { group, add, flush } = setup()
    const early = add('a')
    const first = await flush(0)
    const late = add('b')
    const closed = group.close()
    await assert.rejects(add('c'), (error) => isCoatcheckError(error, 'NODE_STOPPED'))
    assert.equal(await isSettled(closed), false)
    first.end()
    await early
    const second = await flush(1)
    assert.equal(await isSettled(closed), false)
    second.fail(new Error('away'))
    await assert.rejects(late)
    await closed
    await group.close()
  })

  test('close at once where nothing is there, and before the first flush has begun', async () => {
    await setup().group.close()
    const { group, add, flush } = setup()
    const added = add('a')
    const closed = group.close()
    ;(await flush(0)).end()
    await Promise.all([added, closed])
  })

  test('a flush runs in the context of none of its callers', async () => {
    const context = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { add, flush } = setup(1_000, () => seen.push(context.getStore()))
    const first = context.run('a', () => add('a'))
    const one = await flush(0)
    const second = context.run('b', () => add('b'))
    one.end()
    ;(await flush(1)).end()
    await Promise.all([first, second])
    assert.deepEqual(seen, [undefined, undefined])
  })
})
