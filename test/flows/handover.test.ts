import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEffect, type HistoryEvent } from '../chaos/history.ts'
import { skipped, startRun } from './chaos-setup.ts'

describe('a planned handover', { skip: skipped }, () => {
  it('follows nodes that come and go, and runs nothing twice', async (t) => {
    const run = await startRun(t, 2, { workMs: 40 })
    await run.load.enqueue(20_000, 500, 'a')
    await run.reaches(1_000, 30_000)
    const third = await run.startNode()
    await run.isBalanced(10_000)
    assert.equal(third.owned, 2)
    const [first] = run.nodes
    await first?.terminate()
    await run.isBalanced(10_000)
    assert.equal(third.owned, 3)
    await third.terminate()
    await run.isBalanced(10_000)
    await run.finish(60_000)

    const { violations, figures } = run.check({ idleMs: 10_000 })
    assert.deepEqual(violations, [])
    assert.equal(figures.attempts, 20_000)
    assert.equal((await run.standing()).tried, 0)
    t.diagnostic(`a partition rested for ${figures.longestIdleMs} ms at most`)
  })

  it('lets a partition work on where a handler takes too long', async (t) => {
    const run = await startRun(t, 1, { workMs: 30, concurrency: 20, partitions: 2 })
    for (let key = 0; key < 8; key++) await run.load.enqueueLong(`long-${key}`, 16_000)
    await run.load.enqueue(10_000, 500, 'a')
    await run.reaches(100, 30_000)
    await run.startNode()
    await run.finish(90_000)

    const { violations, figures } = run.check()
    assert.deepEqual(violations, [])
    assert.equal(figures.attempts, 10_008)
    const rests = restsOf(run.sink.history())
    t.diagnostic(`the partitions rested for ${rests.map(Math.round).join(', ')} ms`)
    // Drained again and again there would be two or three.
    assert.ok(rests.length <= 1)
  })
})

/**
 * The times of more than three seconds in which a partition did nothing, up to the last short item: it drains for five. On a busy
 * machine it may rest for a second or two of its own accord.
 */
function restsOf(events: readonly HistoryEvent[]): number[] {
  const effects = events.filter(isEffect).filter((effect) => !effect.key.startsWith('long'))
  return [...Map.groupBy(effects, (effect) => effect.partition).values()].flatMap((ofOne) =>
    ofOne.slice(1).flatMap(({ at }, index) => {
      const rest = at - (ofOne[index]?.at ?? at)
      return rest > 3_000 ? [rest] : []
    }),
  )
}
