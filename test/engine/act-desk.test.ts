import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { freshPlace, setup } from '../flows/setup.ts'
import { intercept, unreachable } from './faults.ts'

const quiet = { info() {}, warn() {}, error() {} }

const step = defineQueueProcessor({ name: 'step', input: z.string(), process: () => {} })

test('a look at the verdicts that fails is a problem, and not the end of the wait', async (t) => {
  const node = await setup(t, [step], { log: quiet })
  const problems: unknown[] = []
  node.events.listen((name, detail) => {
    if (name === 'problem') problems.push((detail as { where: string }).where)
  })
  const one = await node.enqueue(step, 'x', { delay: '1 day' })
  const others = await node.enqueueMany(step, ['y', 'z'], { delay: '1 day' })
  let failing = 2
  const stop = intercept(node, async (name, proceed) => {
    if (name === 'acts-by-id' && failing-- > 0) throw unreachable()
    return proceed()
  })
  assert.equal((await node.cancel(one)).verdict, 'applied')
  assert.deepEqual(problems, ['acts'])
  failing = 1
  const report = await node.select({ ids: others }).cancel()
  assert.deepEqual([report.items, report.applied], [2, 2])
  // Never answered: durable, and pending for whoever asked.
  failing = Infinity
  const late = await node.enqueue(step, 'v', { delay: '1 day' })
  const { verdict, item, kind, id } = await node.defer(late)
  assert.deepEqual([verdict, item, kind], ['pending', late, 'defer'])
  stop()
  assert.equal((await node.act(id))?.verdict, 'applied')
})

test('whoever asks does not wait for visits of partition after partition', async (t) => {
  const place = await freshPlace()
  await (await setup(t, [step], { place })).stop()
  const client = await setup(t, [step], { place, start: false })
  const ids: string[] = []
  const partitions = new Set<string>()
  // One for each partition.
  while (partitions.size < 6) {
    const id = await client.enqueue(step, 'x')
    partitions.add(id.slice(15, 18))
    ids.push(id)
  }
  let visits = 0
  const stop = intercept(client, async (name, proceed) => {
    if (name === 'acquire-partitions') {
      visits++
      await engineOf(client).database.driver.query('select pg_sleep(0.6)')
    }
    return proceed()
  })
  const { acts } = engineOf(client)
  const asked = await acts.askMany('cancel', ids, {}, {}, 700)
  stop()
  assert.equal(visits, 1)
  assert.ok(asked.some(({ verdict }) => verdict === null))
  const rest = await acts.askMany('cancel', ids, {}, {}, 20_000)
  assert.ok(rest.every(({ verdict }) => verdict === 'refused'))
})
