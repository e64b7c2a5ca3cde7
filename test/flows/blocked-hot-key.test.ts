import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { intercept } from '../engine/faults.ts'
import { until } from '../store/until.ts'
import { OrderWatch } from './order-watch.ts'
import { setup, type Place } from './setup.ts'

const many = 20_000

/** A hot key whose first item breaks, and cold keys beside it, in one partition. */
function hotKey() {
  const watch = new OrderWatch()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    concurrency: 20,
    onBroken: 'block',
    dedicated: { partitions: 1 },
    process: ({ key, n }) => {
      if (key === 'hot' && n === 0) throw new Reject('no')
      return watch.run(key, n)
    },
  })
  return { watch, step }
}

type Placed = Awaited<ReturnType<typeof setup>>

/** How the partition stands in the database. */
async function progress(node: Placed & { place: Place }) {
  const { schema } = node.place
  const { rows } = await node.query(
    `select p.watermark::float8 as watermark, (select count(*)::int from unnest(p.done)) as ranges,
       (select coalesce(max(l.seq) + 1, 0)::float8 * 4096 from ${schema}.log l where l.queue = p.queue) as appended,
       (select count(*)::int from ${schema}.waiting_item) as lane
     from ${schema}.partition p join ${schema}.queue q on q.number = p.queue and q.name = 'step'`,
  )
  return rows[0] as { watermark: number; ranges: number; appended: number; lane: number }
}

test(
  'thousands behind a blocked key wait in the lane: nothing is kept for them, and all others run on',
  { timeout: 180_000 },
  async (t) => {
    const { watch, step } = hotKey()
    const node = await setup(t, [step])
    const first = await node.enqueue(step, { key: 'hot', n: 0 })
    await node.drain()
    for (let at = 0; at < many; at += 1_000) {
      const hot = Array.from({ length: 1_000 }, (_, n) => ({ key: 'hot', n: at + n + 1 }))
      // Each hot item beside a cold one: what was kept of the hot ones would leave a gap each.
      const cold = Array.from({ length: 1_000 }, (_, n) => ({ key: `cold-${n}`, n: at / 1_000 }))
      await node.enqueueMany(
        step,
        hot.flatMap((one, n) => [one, cold[n]!]),
      )
    }
    await until('all of it lies in the lane, and the log is done', async () => {
      const { watermark, appended, lane } = await progress(node)
      return lane === many && watermark === appended
    })
    assert.equal((await progress(node)).ranges, 1)
    assert.equal(watch.byKey.has('hot'), false)
    assert.equal(watch.byKey.size, 1_000)
    for (const ran of watch.byKey.values()) assert.equal(ran.length, many / 1_000)
    const [blocked] = await node.blockedKeys()
    assert.deepEqual([blocked?.key, blocked?.item], ['hot', first])
    // At rest nobody asks for the key again and again.
    const statements: string[] = []
    const stop = intercept(node, (name, proceed) => {
      statements.push(name)
      return proceed()
    })
    await node.query('select pg_sleep(1.5)')
    stop()
    assert.equal(statements.filter((name) => name === 'waiting-of-key').length, 0)
    await node.stop()
    // The next owner leaves them where they are, too, and opens the key.
    const next = await setup(t, [step], { place: node.place })
    await next.enqueue(step, { key: 'hot', n: many + 1 })
    await next.enqueue(step, { key: 'new', n: 0 })
    await next.drain()
    assert.equal(watch.byKey.has('hot'), false)
    assert.equal(watch.byKey.get('new')?.length, 1)
    await next.skip(first)
    await next.drain({ timeout: '120s' })
    assert.deepEqual(
      watch.byKey.get('hot'),
      Array.from({ length: many + 1 }, (_, n) => n + 1),
    )
  },
)
