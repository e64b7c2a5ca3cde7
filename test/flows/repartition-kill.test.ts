import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChaosRun, RunSettings } from '../chaos/chaos-run.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { skipped, startRun } from './chaos-setup.ts'

describe('the partitions of a queue are changed under load', { skip: skipped }, () => {
  it('from 6 to 12 and to 2 while two nodes run keyed items: nothing is lost, or runs twice, or out of order', async (t) => {
    await play(t, {}, async (run, load) => {
      await repartition(run, 12)
      await pause(300)
      // Before the first change is over.
      await repartition(run, 2)
      await load(2_000)
      await repartition(run, 6)
    })
  })

  it('does so too while attempts fail and a transaction is open over the change', async (t) => {
    await play(t, { failing: 0.1 }, async (run, load) => {
      const release = await holdTransaction(run)
      await repartition(run, 12)
      await load(2_000)
      await repartition(run, 3)
      await load(1_000)
      await release()
    })
  })

  it('does so too while nodes are killed in the midst of it', async (t) => {
    await play(t, { failing: 0.05 }, async (run, load) => {
      for (const partitions of [12, 2, 7]) {
        await repartition(run, partitions)
        await pause(Math.random() * 400)
        await run.nodes[0]?.kill()
        await run.startNode()
        await load(1_000)
      }
    })
  })
})

async function play(
  t: TestContext,
  settings: Partial<RunSettings>,
  change: (run: ChaosRun, load: (items: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const run = await startRun(t, 2, { workMs: 6, fencedByKey: true, ...settings })
  let loads = true
  // Beside the change, without a pause.
  const beside = (async () => {
    while (loads) {
      await run.load.send(40, () => `beside-${Math.floor(Math.random() * 60)}`)
      await pause(5)
    }
  })()
  await run.load.enqueue(3_000, 100, 'a')
  const kills = run.everyNode.length
  await change(run, (items) => run.load.enqueue(items, 100, 'a'))
  loads = false
  await beside
  await run.finish(120_000)
  await waitUntil('all older partitions are drained', 30_000, async () => {
    const { rows } = await run.load.query(
      `select from coatcheck.partition p join coatcheck.queue q on q.number = p.queue
       where p.generation < q.generation and p.drained_at is null`,
    )
    return rows.length === 0
  })
  const { violations, figures } = run.check({ restartMs: 40_000 })
  assert.deepEqual(violations, [])
  assert.equal(run.load.unknown.length, 0)
  assert.equal(run.load.refusals.size, 0)
  const standing = await run.standing()
  assert.equal(standing.twice, 0)
  assert.equal(standing.open, 0)
  if (run.everyNode.length === kills && !settings.failing) assert.equal(figures.reruns, 0)
  t.diagnostic(
    `${figures.accepted} items, ${figures.reruns} again, a partition idle for ${figures.longestIdleMs} ms`,
  )
}

async function repartition(run: ChaosRun, partitions: number): Promise<void> {
  const { rows } = await run.load.query(`select changed from coatcheck.repartition('chaos', $1)`, [
    partitions,
  ])
  assert.deepEqual(rows, [{ changed: true }])
}

/** Enqueues in a transaction, which commits when it is told to. */
async function holdTransaction(run: ChaosRun): Promise<() => Promise<void>> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: run.settings.database })
  await client.connect()
  await client.query('begin')
  const committed = await run.load.enqueueIn(client, 20, () => `held-${Math.floor(Math.random() * 10)}`)
  return async () => {
    await client.query('commit')
    committed()
    await client.end()
  }
}
