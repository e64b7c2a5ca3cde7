import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { skipped, startRun } from './chaos-setup.ts'

describe('a node that loses its connections', { skip: skipped }, () => {
  it('goes on, and neither loses nor repeats anything', async (t) => {
    const run = await startRun(t, 2, { workMs: 30 })
    const items = 20_000
    await run.load.enqueue(items, 500, 'a')
    let ended = 0
    for (let turn = 1; turn <= 12; turn++) {
      await run.reaches((turn * items) / 15, 30_000)
      for (const node of run.nodes) ended += await run.disconnect(node)
    }
    await run.finish(60_000)

    const { violations, figures } = run.check({ idleMs: 8_000 })
    t.diagnostic(`${ended} connections ended, a partition rested for ${figures.longestIdleMs} ms at most`)
    assert.deepEqual(violations, [])
    assert.equal(figures.attempts, items)
    assert.equal((await run.standing()).tried, 0)
    assert.equal(run.nodes.length, 2)
    assert.ok(ended > 50)
  })

  it('keeps the order of keys whose items fail', async (t) => {
    const run = await startRun(t, 2, { workMs: 20, failing: 0.1 })
    const items = 6_000
    await run.load.enqueue(items, 500, 'a')
    for (let turn = 1; turn <= 12; turn++) {
      await run.reaches((turn * items) / 15, 30_000)
      for (const node of run.nodes) await run.disconnect(node)
    }
    await run.finish(60_000)
    assert.deepEqual(run.check({ idleMs: 8_000 }).violations, [])
  })
})
