import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { waitUntil } from '../chaos/wait-until.ts'
import { skipped, startRun } from './chaos-setup.ts'

describe('a queue of several nodes', { skip: skipped }, () => {
  it('is paused, stopped and started on all of them within two seconds; a killed node changes nothing', async (t) => {
    const run = await startRun(t, 2, { workMs: 60, failing: 0.1 })
    const { queues } = run.load
    const learns = async (state: string, give: () => Promise<void>): Promise<void> => {
      const before = run.nodes.map((node) => [node, told(node.news, state)] as const)
      const began = performance.now()
      await give()
      for (const [node, times] of before)
        await node.hears(`it is ${state}`, (news) => told(news, state) > times, 2_000)
      t.diagnostic(`${state} after ${Math.round(performance.now() - began)} ms`)
    }
    await run.load.enqueue(20_000, 400, 'a')
    await run.reaches(500, 30_000)

    await learns('paused', () => queues.pause('chaos'))
    // What ran then has ended.
    await waitUntil('nothing runs', 10_000, async () => {
      const { attempts, ended } = await run.sink.count()
      return attempts >= ended && (await isQuiet(run))
    })
    const paused = await run.sink.count()
    // It is taken over while it is paused.
    await run.nodes[0]?.kill()
    const late = await run.startNode()
    await late.hears('it owns some', () => late.owned >= 3, 30_000)
    await run.isBalanced()
    assert.equal((await run.sink.count()).attempts, paused.attempts)

    await learns('running', () => queues.start('chaos'))
    await run.reaches(paused.ended + 500, 30_000)
    await learns('stopped', () => queues.stop('chaos'))
    await waitUntil('nothing runs', 10_000, () => isQuiet(run))
    const stopped = await run.sink.count()
    await learns('running', () => queues.start('chaos'))
    await run.reaches(stopped.ended + 500, 30_000)
    await queues.setConcurrency('chaos', 200)
    await run.finish(120_000)

    // Told to end, an item begins again under the same owner, and is still the first of its key.
    const { violations } = run.check()
    assert.deepEqual(
      violations.filter(({ text }) => !/#(\d+) on \w+: began after #\1 under the same token$/.test(text)),
      [],
    )
  })
})

function told(news: readonly { event: string; data: Record<string, unknown> }[], state: string): number {
  return news.filter(({ event, data }) => event === 'queue.state' && data['state'] === state).length
}

/** Whether nothing has started between two looks. */
async function isQuiet(run: Awaited<ReturnType<typeof startRun>>): Promise<boolean> {
  const before = await run.sink.count()
  await run.standing()
  const after = await run.sink.count()
  return before.attempts === after.attempts && before.ended === after.ended
}
