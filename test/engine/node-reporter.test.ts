import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { NodeReporter } from '../../src/engine/node-reporter.ts'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { setup } from '../flows/setup.ts'
import { promised, until } from '../store/until.ts'
import { intercept } from './faults.ts'

interface Told {
  readonly queue: number
  readonly partition: number
  readonly oldestAt?: number
}

test('what is due, and what waited behind it, waits for its turn since then, and behind one that waits nothing does', async (t) => {
  const end = promised()
  let failing = true
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    key: () => 'one',
    dedicated: { partitions: 1 },
    retry: { maxAttempts: 2, initialDelay: '1 hour' },
    process: () => {
      if (failing) throw new Error('again')
      return end.promise
    },
  })
  const node = await setup(t, [step], { stopTimeout: 0 })
  const told: Told[][] = []
  intercept(node, (name, proceed, values) => {
    if (name === 'write-node-report') told.push(JSON.parse(String(values[5])) as Told[])
    return proceed()
  })
  /** As the second report from now on says: the first one may be under way. */
  const oldest = async (): Promise<number | undefined> => {
    const before = told.length
    await until('it is told', () => told.length >= before + 2)
    return Math.min(...(told.at(-1) ?? []).map(({ oldestAt }) => oldestAt ?? Infinity))
  }
  const id = await node.enqueue(step, 1)
  await until('it waits', async () => (await node.item(id))?.state === 'scheduled')
  await node.enqueue(step, 2)
  await node.advance('30 minutes')
  assert.equal(await oldest(), Infinity)
  failing = false
  const { schema } = node.place
  const { rows } = await node.query(
    `select (extract(epoch from due_at) * 1000)::float8 as due_ms from ${schema}.waiting_item where id = $1`,
    [id],
  )
  await node.advance('40 minutes')
  await until('it runs', async () => (await node.item(id))?.state === 'running')
  const since = await oldest()
  assert.ok(since !== undefined && Math.abs(since - Number(rows[0]?.['due_ms'])) < 5, String(since))
  end.keep()
})

test('a report tells of 2,000 partitions at most, those first that have something in memory', async () => {
  const owned = new Map<string, OwnedPartition>()
  for (let partition = 0; partition < 3_000; partition++) {
    const one = new OwnedPartition(
      { queue: 1, partition, generation: 1, epoch: 1, done: [], indexedTo: 0 },
      { keyed: false, startable: false },
    )
    if (partition >= 2_990) one.loaded = 1
    owned.set(String(partition), one)
  }
  let told: Told[] = []
  const driver = {
    run: (_: unknown, values: readonly unknown[]) => {
      told = JSON.parse(String(values[5])) as Told[]
      return Promise.resolve([])
    },
  }
  const database = { driver, schema: 's' } as unknown as ConstructorParameters<
    typeof NodeReporter
  >[0]['database']
  const events = { emit: () => {} } as unknown as ConstructorParameters<typeof NodeReporter>[0]['events']
  const reporter = new NodeReporter({
    database,
    bootId: '',
    events,
    owned,
    processors: new Map(),
    now: () => 0,
  })
  await reporter.tick()
  assert.equal(told.length, 2_000)
  assert.deepEqual(
    told.slice(0, 11).map(({ partition }) => partition),
    [2990, 2991, 2992, 2993, 2994, 2995, 2996, 2997, 2998, 2999, 0],
  )
})
