import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { promised } from '../store/until.ts'
import { setup } from './setup.ts'

interface Backlog {
  readonly items: number
  /** Calls that accept them, each with a row for each partition. */
  readonly calls: number
  readonly size: number
}

/** Runs items of one queue while nothing of the other one's backlog ends. */
async function runBeside(t: TestContext, { items, calls, size }: Backlog): Promise<void> {
  const end = promised()
  const slow = defineQueueProcessor({
    name: 'slow',
    input: z.object({ n: z.number(), payload: z.string() }),
    key: ({ n }) => String(n),
    dedicated: {},
    concurrency: 2,
    process: () => end.promise,
  })
  const fast = defineQueueProcessor({ name: 'fast', input: z.number(), dedicated: {}, process: (n) => n })
  const node = await setup(t, [slow, fast], { stopTimeout: 0, start: false })
  t.after(() => end.keep())
  const payload = 'x'.repeat(size)
  const inputs = Array.from({ length: items / calls }, (_, n) => ({ n, payload }))
  for (let call = 0; call < calls; call++)
    await node.enqueueMany(
      slow,
      inputs.map(({ n }) => ({ n: n * calls + call, payload })),
    )
  await node.start()
  for (let n = 0; n < 10; n++) {
    const id = await node.enqueue(fast, n)
    assert.equal(await node.result(id, { wait: '5s' }), n)
    // One that comes through the lane.
    const delayed = await node.enqueue(fast, n, { delay: '1s' })
    await node.advance('2s')
    assert.equal(await node.result(delayed, { wait: '5s' }), n)
  }
}

it('a slow queue with a backlog does not keep another one waiting', async (t) => {
  await runBeside(t, { items: 6_000, calls: 1, size: 1 })
})

it('nor does one whose items fill the shelf', async (t) => {
  await runBeside(t, { items: 3_000, calls: 2, size: 14_000 })
})

it('nor does one whose items fill the memory', async (t) => {
  await runBeside(t, { items: 1_400, calls: 7, size: 40_000 })
})
