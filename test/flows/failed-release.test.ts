import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept, unreachable } from '../engine/faults.ts'
import { promised } from '../store/until.ts'
import { setup } from './setup.ts'

const work = defineQueueProcessor({ name: 'work', input: z.object({}), process: () => {} })

it('a partition whose release has failed is given away all the same', async (t) => {
  const first = await setup(t, [work])
  let refused = 0
  intercept(first, (name, proceed) => {
    if (name !== 'release-partitions' || refused > 0) return proceed()
    refused++
    return Promise.reject(unreachable())
  })
  const second = await setup(t, [work], { place: first.place })
  const owned = async (): Promise<number> => {
    const { rows } = await second.query(
      `select count(*)::int as n from ${first.place.schema}.partition where owner = $1`,
      [second.id],
    )
    return (rows[0] as { n: number }).n
  }
  const until = performance.now() + 15_000
  while ((await owned()) < 3 && performance.now() < until) await pass(50)
  assert.equal(refused, 1)
  assert.equal(await owned(), 3)
})

it('a node whose partitions cannot be given back stops all the same, and its heartbeat with it', async (t) => {
  const node = await setup(t, [work])
  const beside = await setup(t, [work], { place: node.place, start: false })
  intercept(node, (name, proceed) =>
    name === 'release-partitions'
      ? Promise.reject(Object.assign(new Error('deadlock detected'), { code: '40P01' }))
      : proceed(),
  )
  await node.stop()
  const { rows } = await beside.query(`select boot_id from ${node.place.schema}.node`)
  assert.deepEqual(rows, [])
})

it('what could not be given back while a handler of a stopping node ran is given back at the end', async (t) => {
  const [begun, end] = [promised(), promised()]
  const long = defineQueueProcessor({
    name: 'long',
    input: z.object({}),
    process: () => {
      begun.keep()
      return end.promise
    },
  })
  const node = await setup(t, [long])
  const beside = await setup(t, [long], { place: node.place, start: false })
  const refused = promised()
  let calls = 0
  intercept(node, (name, proceed) => {
    if (name !== 'release-partitions' || calls++ > 0) return proceed()
    refused.keep()
    return Promise.reject(unreachable())
  })
  await node.enqueue(long, {})
  await begun.promise
  const stopped = node.stop()
  await refused.promise
  end.keep()
  await stopped
  const { rows } = await beside.query(
    `select owner from ${node.place.schema}.partition where owner is not null`,
  )
  assert.deepEqual(rows, [])
})
