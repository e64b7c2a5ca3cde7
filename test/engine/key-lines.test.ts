import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { z } from 'zod'
import { defineApplication } from '../../src/define/application.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { KeyLines, type LaneHead } from '../../src/engine/key-lines.ts'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { Processor } from '../../src/engine/processor.ts'
import { WorkItem } from '../../src/engine/work-item.ts'

/** One key of one partition, with a lane that answers when the test says so. */
function setup(supersede: 'never' | 'older' = 'never') {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({}),
    key: () => 'one',
    ...(supersede === 'older' ? { supersede } : {}),
    process: () => {},
  })
  const { registry } = resolveApplications([defineApplication({ name: 'lines', definitions: [step] })])
  const processor = new Processor(registry.definitions.get('step')!)
  const partition = new OwnedPartition(
    { queue: 1, partition: 0, generation: 1, epoch: 1, done: [], indexedTo: 0 },
    { keyed: true, startable: true },
  )
  const answers: ((head: LaneHead) => void)[] = []
  const started: number[] = []
  const cancelled: number[] = []
  const lines = new KeyLines({
    lane: { next: () => new Promise((resolve) => answers.push(resolve)) },
    onReady: (work) => started.push(work.position),
    onTaken: () => {},
    onLeft: () => {},
    onEnded: (work, outcome) => {
      work.outcome = outcome
      if (outcome.kind === 'spilled') partition.beginLanePut('spilled')
      if (outcome.kind === 'cancelled') cancelled.push(work.position)
    },
    onProblem: assert.ifError,
    pump: () => {},
  })
  const item = (position: number, from: 'log' | 'lane' = 'log') =>
    new WorkItem({
      partition,
      processor,
      entry: { d: 'step', k: 'one', i: {} },
      origin: { flush: '00000000-0000-8000-8000-000000000000', at: 0, itemSize: 1 },
      index: position,
      position,
      end: position + 1,
      waiting: from === 'lane' ? { id: String(position), version: 1 } : undefined,
    })
  return { lines, partition, answers, started, cancelled, item }
}

describe('the lane is asked for a key', () => {
  it('again, where more of it went there meanwhile', async () => {
    const { lines, partition, answers, started, item } = setup()
    const [first, second, third] = [item(1), item(2), item(3)] as const
    lines.enter(first)
    lines.enter(second)
    lines.spill(partition, 1)
    lines.settled(second, { kind: 'spilled' })
    lines.enter(third)
    lines.advance(first)
    assert.equal(answers.length, 1)
    // The answer is on its way, and has not seen this.
    lines.spill(partition, 1)
    lines.settled(third, { kind: 'spilled' })
    const fromLane = item(2, 'lane')
    answers[0]?.({ items: [fromLane], blocked: undefined, more: false })
    await turn()
    assert.deepEqual(started, [1, 2])
    lines.settled(fromLane, { kind: 'succeeded', result: undefined })
    assert.equal(answers.length, 2)
  })

  it('again, where a row that it waits for has ended meanwhile', async () => {
    const { lines, answers, started, item } = setup()
    lines.enter(item(5), 1)
    assert.equal(answers.length, 1)
    // Its time has come: the lane starts it by itself, and it ends.
    const due = item(1, 'lane')
    lines.enter(due)
    lines.settled(due, { kind: 'succeeded', result: undefined })
    answers[0]?.({ items: [], blocked: item(1, 'lane'), more: true })
    await turn()
    assert.equal(answers.length, 2)
    answers[1]?.({ items: [], blocked: undefined, more: false })
    await turn()
    assert.deepEqual(started, [1, 5])
  })
})

describe('the newest wins over what lies in the lane', () => {
  const superseded = { kind: 'cancelled', reason: 'superseded' } as const
  const failed = {
    kind: 'failed',
    failure: { code: 'FAILED', message: 'not now' },
    retryInMs: 100,
  } as const

  it('where memory had no room for it, page by page', async () => {
    const { lines, partition, answers, started, cancelled, item } = setup('older')
    const running = item(1)
    lines.enter(running)
    running.startedAt = 1
    const [second, third] = [item(2), item(3)] as const
    lines.enter(second)
    lines.spill(partition, 1)
    lines.settled(second, { kind: 'spilled' })
    lines.enter(third)
    lines.advance(running)
    const [before, spilled] = [item(0, 'lane'), item(2, 'lane')] as const
    answers[0]?.({ items: [before], blocked: undefined, more: true })
    await turn()
    // What has been read is superseded, and the lane is asked for more of the kind before the newest starts.
    assert.deepEqual([started, cancelled, answers.length], [[1], [0], 2])
    answers[1]?.({ items: [spilled], blocked: undefined, more: false })
    await turn()
    assert.deepEqual(
      [started, cancelled],
      [
        [1, 3],
        [0, 2],
      ],
    )
    lines.settled(spilled, superseded)
    lines.settled(before, superseded)
    assert.deepEqual(started, [1, 3])
  })

  it('where the newest lies there too', async () => {
    const { lines, partition, answers, started, cancelled, item } = setup('older')
    const running = item(1)
    lines.enter(running)
    running.startedAt = 1
    const second = item(2)
    lines.enter(second)
    lines.spill(partition, 1)
    lines.settled(second, { kind: 'spilled' })
    lines.advance(running)
    answers[0]?.({ items: [item(2, 'lane'), item(3, 'lane')], blocked: undefined, more: false })
    await turn()
    assert.deepEqual([started, cancelled], [[1, 3], [2]])
  })

  it('where the older one fails after the newer one has come', async () => {
    const { lines, answers, started, cancelled, item } = setup('older')
    const running = item(1)
    lines.enter(running)
    running.startedAt = 1
    lines.enter(item(2))
    lines.settled(running, failed)
    assert.equal(answers.length, 1)
    const waiting = item(1, 'lane')
    answers[0]?.({ items: [], blocked: waiting, more: true })
    await turn()
    assert.deepEqual([started, cancelled], [[1], [1]])
    lines.settled(waiting, superseded)
    answers[1]?.({ items: [], blocked: undefined, more: false })
    await turn()
    assert.deepEqual(started, [1, 2])
  })

  it('where the newer one went to the lane before the older one failed', async () => {
    const { lines, answers, started, cancelled, item } = setup('older')
    const running = item(1)
    lines.enter(running)
    running.startedAt = 1
    lines.settled(running, failed)
    const waiting = item(1, 'lane')
    answers[0]?.({ items: [], blocked: waiting, more: true, isSuperseded: true })
    await turn()
    lines.settled(waiting, superseded)
    answers[1]?.({ items: [item(2, 'lane')], blocked: undefined, more: false })
    await turn()
    assert.deepEqual([started, cancelled], [[1, 2], [1]])
  })
})
