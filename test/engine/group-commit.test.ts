import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { GroupCommit } from '../../src/engine/group-commit.ts'
import { until } from '../store/until.ts'

interface Flush {
  readonly items: readonly string[]
  readonly end: () => void
  readonly fail: (error: Error) => void
}

/** A group commit whose flushes end when the test says so. */
function setup(maxSize = 1_000, onFlush: () => void = () => {}) {
  const flushes: Flush[] = []
  let running = 0
  const group = new GroupCommit(
    () => ({ size: 0, items: [] as string[] }),
    async ({ items }) => {
      onFlush()
      assert.equal(++running, 1, 'one flush at a time')
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      flushes.push({ items, end: resolve, fail: reject })
      await promise.finally(() => running--)
    },
    maxSize,
  )
  const add = (item: string, size = 1) =>
    group.add((batch) => {
      batch.size += size
      return batch.items.push(item)
    })
  const flush = async (at: number): Promise<Flush> => {
    await until(`flush ${at} has begun`, () => flushes.length > at)
    return flushes[at]!
  }
  return { group, add, flush, flushes }
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

  test('refuses more than may wait, and takes it again after the flush', async () => {
    const { add, flush } = setup(100)
    const first = add('a')
    const one = await flush(0)
    // What is in flight does not count.
    const waiting = [add('b', 100), add('c', 1)]
    await assert.rejects(add('d'), (error) => isCoatcheckError(error, 'BACKLOG_FULL'))
    one.end()
    await first
    const two = await flush(1)
    assert.deepEqual(two.items, ['b', 'c'])
    const again = add('e')
    two.end()
    await Promise.all(waiting)
    ;(await flush(2)).end()
    await again
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
