import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { isEffect, type Effect, type HistoryEvent } from '../chaos/history.ts'
import type { WorkerNode } from '../chaos/worker-node.ts'
import { skipped, startRun } from './chaos-setup.ts'

const leaseMs = 8_000

describe('the lease of a node', { skip: skipped }, () => {
  it('is lost by a frozen one, which settles nothing and comes back', async (t) => {
    const run = await startRun(t, 2, { workMs: 40, concurrency: 20 })
    const [frozen, other] = run.nodes as [WorkerNode, WorkerNode]
    await run.load.enqueue(5_000, 200, 'a')
    await run.reaches(500, 30_000)
    // Still busy when it wakes: its heartbeat, on another thread, is back before it can notice anything.
    frozen.send({ op: 'block', ms: 1_500, clock: 'processor' })
    await frozen.pause()
    await pass(3 * leaseMs)
    await frozen.resume()
    await run.finish(60_000)
    // First it has to be busy for so long as it was told to, which takes a busy machine several times as long.
    await frozen.hears('it has its lease again', () => frozen.count('node.lease-regained') > 0, 45_000)
    await run.isBalanced()
    await run.load.enqueue(2_000, 200, 'a')
    await run.finish(60_000)

    const { violations, figures } = run.check()
    assert.deepEqual(violations, [])
    assert.ok(figures.old > 0, 'the frozen node had nothing in hand, so the test proves nothing')
    assert.deepEqual(refusedStarts(run.sink.history()), [])
    assert.equal((await run.standing()).tried, 0)
    assert.equal(other.count('node.lease-lost'), 0)
  })

  it('comes back to a node where handlers never end, with the partitions of those', async (t) => {
    const run = await startRun(t, 1, { timeoutMs: 1_000 })
    const [node] = run.nodes as [WorkerNode]
    const [before] = await run.load.enqueueBeside([{ key: 'deaf', n: 1, deed: 'never' }])
    await node.hears('it is stuck', () => isStuck(node, before), 60_000)
    const [meanwhile] = await run.load.enqueueBeside([{ key: 'deaf-too', n: 1, deed: 'never' }])
    assert.notEqual(partitionOf(before), partitionOf(meanwhile), 'the keys of this test are badly chosen')
    // Until it runs.
    await run.load.enqueue(500, 200, 'a')
    await run.reaches(500, 30_000)
    await node.pause()
    await pass(leaseMs)
    await node.resume()
    await node.hears('it has its lease again', () => node.count('node.lease-regained') > 0)
    await run.load.enqueue(2_000, 200, 'a')
    // The one that was stuck keeps nothing waiting; the other one does until it is, too.
    await node.hears('it has five partitions again', () => node.owned === 5)
    assert.equal(isStuck(node, meanwhile), false)
    await run.finish(60_000)
    assert.equal(node.owned, 6)
    assert.deepEqual(run.check().violations, [])
  })

  it('is kept while a handler holds the event loop for 10 s', async (t) => {
    const run = await startRun(t, 2)
    const [busy, other] = run.nodes as [WorkerNode, WorkerNode]
    await run.load.enqueue(2_000, 200, 'a')
    await run.reaches(200, 30_000)
    busy.send({ op: 'block', ms: 10_000, clock: 'wall' })
    await run.load.enqueue(2_000, 200, 'a')
    await run.finish(60_000)

    assert.deepEqual(run.check().violations, [])
    assert.equal(run.check().figures.reruns, 0)
    assert.equal(busy.count('node.lease-lost'), 0)
    assert.equal(busy.owned, 3)
    assert.equal(other.owned, 3)
  })
})

function isStuck(node: WorkerNode, id: string | undefined): boolean {
  return node.news.some(({ event, data }) => event === 'item.stuck' && data['id'] === id)
}

/** Of an id the 12 bits after the version digit. */
function partitionOf(id: string | undefined): string | undefined {
  return id?.slice(15, 18)
}

function refusedStarts(events: readonly HistoryEvent[]): Effect[] {
  return events.filter(isEffect).filter((effect) => effect.op === 'start' && effect.refused)
}
