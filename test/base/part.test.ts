import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Loop } from '../../src/base/part.ts'

const realImmediate = setImmediate

interface Pass {
  end(delayMs: number): void
  fail(error: unknown): void
}

/** A loop whose passes the test ends itself, on a clock that it moves itself. */
function setup(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
  const passes: Pass[] = []
  const errors: unknown[] = []
  const loop = new Loop(
    () => new Promise<number>((end, fail) => passes.push({ end, fail })),
    (error) => errors.push(error),
  )
  return { loop, passes, errors, tick: (milliseconds: number) => t.mock.timers.tick(milliseconds) }
}

/** Lets promises that are settled already take effect. */
const settle = () => new Promise<void>((resolve) => realImmediate(resolve))

test('a loop asks for its next pass after the delay that a pass returned', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  assert.equal(passes.length, 1)
  passes[0]?.end(50)
  await settle()
  tick(49)
  assert.equal(passes.length, 1)
  tick(1)
  assert.equal(passes.length, 2)
})

test('wake while a pass runs makes another follow at once; before it is due, at once', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  loop.wake()
  loop.wake()
  tick(0)
  assert.equal(passes.length, 1, 'passes overlap')
  passes[0]?.end(1000)
  await settle()
  tick(0)
  assert.equal(passes.length, 2)
  passes[1]?.end(1000)
  await settle()
  tick(0)
  assert.equal(passes.length, 2, 'one wake is one pass')
  loop.wake()
  tick(0)
  assert.equal(passes.length, 3)
})

test('a pass that throws is told, and the loop goes on after a second', async (t) => {
  const { loop, passes, errors, tick } = setup(t)
  await loop.start()
  tick(0)
  const problem = new Error('no database')
  passes[0]?.fail(problem)
  await settle()
  assert.deepEqual(errors, [problem])
  tick(999)
  assert.equal(passes.length, 1)
  tick(1)
  assert.equal(passes.length, 2)
})

test('after a tick that throws before it returns a promise, wake still wakes', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
  let passes = 0
  const loop = new Loop(
    () => {
      passes += 1
      throw new Error('at once')
    },
    () => {},
  )
  await loop.start()
  t.mock.timers.tick(0)
  await settle()
  loop.wake()
  t.mock.timers.tick(0)
  assert.equal(passes, 2)
})

test('stop waits for the pass that runs, and no other follows', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  loop.wake()
  let stopped = false
  const stopping = loop.stop().then(() => (stopped = true))
  await settle()
  assert.equal(stopped, false)
  passes[0]?.end(0)
  await stopping
  loop.wake()
  tick(10_000)
  assert.equal(passes.length, 1)
})

test('stopping twice, stopping what never started and starting twice are fine', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.stop()
  await loop.start()
  await loop.start()
  tick(0)
  assert.equal(passes.length, 1)
  passes[0]?.end(0)
  await loop.stop()
  await loop.stop()
})

test('a loop that is started again while its last pass still runs does not overlap it', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  const stopping = loop.stop()
  await loop.start()
  tick(0)
  assert.equal(passes.length, 1, 'passes overlap')
  passes[0]?.end(1000)
  await stopping
  await settle()
  tick(0)
  assert.equal(passes.length, 2)
})

test('wake within a time comes before a later pass, and not before an earlier one', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  passes[0]?.end(1000)
  await settle()
  loop.wake(5000)
  tick(999)
  assert.equal(passes.length, 1)
  tick(1)
  assert.equal(passes.length, 2, 'a later wake put the pass off')
  passes[1]?.end(1000)
  await settle()
  loop.wake(200)
  tick(199)
  assert.equal(passes.length, 2)
  tick(1)
  assert.equal(passes.length, 3)
})

test('of the times wanted while a pass runs the shortest counts, its own among them', async (t) => {
  const { loop, passes, tick } = setup(t)
  await loop.start()
  tick(0)
  loop.wake(300)
  loop.wake(200)
  loop.wake(400)
  passes[0]?.end(1000)
  await settle()
  tick(199)
  assert.equal(passes.length, 1)
  tick(1)
  assert.equal(passes.length, 2)
  loop.wake(200)
  passes[1]?.end(100)
  await settle()
  tick(100)
  assert.equal(passes.length, 3)
})

test('a delay beyond what timers take is a long one, not none', async (t) => {
  const delays: (number | undefined)[] = []
  t.mock.method(globalThis, 'setTimeout', (_fn: () => void, delayMs?: number) => {
    delays.push(delayMs)
    return undefined
  })
  let passes = 0
  const loop = new Loop(
    async () => {
      passes += 1
      return Number.POSITIVE_INFINITY
    },
    () => {},
  )
  await loop.start()
  await settle()
  await settle()
  assert.deepEqual([passes, delays], [1, [2 ** 31 - 1]])
})
