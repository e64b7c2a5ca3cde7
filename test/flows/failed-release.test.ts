import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept, unreachable } from '../engine/faults.ts'
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
