import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { waitUntil } from '../chaos/wait-until.ts'
import { skipped, startRun } from './chaos-setup.ts'

describe('a node that is told to stop', { skip: skipped }, () => {
  it('finishes what runs and gives the rest back at once', async (t) => {
    const run = await startRun(t, 2, { workMs: 100 })
    await run.load.enqueue(10_000, 500, 'a')
    await run.reaches(1_000, 30_000)
    const [first, second] = run.nodes
    const began = performance.now()
    await first?.terminate()
    const stopMs = performance.now() - began
    assert.equal(first?.exitCode, 0)
    await second?.hears('it owns all', () => second.owned === 6, 5_000)
    const takenMs = performance.now() - began
    await run.finish(60_000)

    const { violations, figures } = run.check({ idleMs: 5_500 })
    assert.deepEqual(violations, [])
    assert.equal(figures.attempts, 10_000)
    assert.equal((await run.standing()).tried, 0)
    t.diagnostic(`stopped after ${Math.round(stopMs)} ms, all taken over after ${Math.round(takenMs)} ms`)
    // The lease would have run for 6 s at least.
    assert.ok(stopMs < 4_000 && takenMs < 5_500)
  })

  it('loses and repeats nothing while all nodes are replaced, one after the other', async (t) => {
    const run = await startRun(t, 2, { workMs: 50 })
    await run.load.enqueue(20_000, 500, 'a')
    await run.reaches(500, 30_000)
    for (let turn = 0; turn < 3; turn++) {
      const [oldest] = run.nodes
      await run.startNode()
      await oldest?.terminate()
      assert.equal(oldest?.exitCode, 0)
    }
    await run.finish(60_000)

    const { violations, figures } = run.check({ idleMs: 10_000 })
    assert.deepEqual(violations, [])
    assert.equal(figures.attempts, 20_000)
    assert.equal((await run.standing()).tried, 0)
  })

  it('gives away at once all partitions in which nothing runs', async (t) => {
    const run = await startRun(t, 1)
    await run.load.enqueueLong('long', 9_000)
    const [first] = run.nodes
    await waitUntil('it runs', 10_000, async () => (await run.sink.count()).attempts === 1)
    const second = await run.startNode()
    await second.hears('it has some', () => second.owned >= 2)
    await run.load.enqueue(200, 50, 'a')
    const stopping = first?.terminate()
    const began = performance.now()
    await second.hears('it owns all but one', () => second.owned === 5, 5_500)
    assert.ok(first?.isAlive)
    t.diagnostic(
      `taken over after ${Math.round(performance.now() - began)} ms, beside a handler that goes on`,
    )
    await stopping
    await run.finish(30_000)
    await run.isBalanced()
    assert.deepEqual(run.check().violations, [])
    assert.equal(run.check().figures.attempts, 201)
  })

  it('ends handlers at the deadline, without using up an attempt', async (t) => {
    const run = await startRun(t, 1, { stopTimeoutMs: 1_000 })
    for (let key = 0; key < 5; key++) await run.load.enqueueLong(`long-${key}`, 15_000)
    await run.load.enqueueLong('deaf', 15_000, true)
    await run.load.enqueue(500, 50, 'a')
    await run.reaches(500, 30_000)
    const [first] = run.nodes
    const began = performance.now()
    await first?.terminate()
    const stopMs = performance.now() - began
    assert.equal(first?.exitCode, 0)
    assert.ok(stopMs > 1_000 && stopMs < 6_000, `stopped after ${Math.round(stopMs)} ms`)
    await run.startNode()
    await run.finish(60_000)

    const { violations } = run.check()
    // The one that did not listen was cut off by the end of the process.
    assert.deepEqual(
      violations.map(({ kind, text }) => `${kind}: ${text}`),
      [
        'lost: n1 went in the middle of deaf#1 without having been killed',
        'repeated: deaf#1 ran on n1, which was not lost then, and again on n2',
      ],
    )
    assert.equal((await run.standing()).tried, 0)
  })
})
