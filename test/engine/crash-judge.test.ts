import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { Events, type EventMap } from '../../src/base/events.ts'
import { createUuid } from '../../src/base/ids.ts'
import { CrashJudge } from '../../src/engine/crash-judge.ts'
import { readSuspects, type MarkedItem } from '../../src/store/crashes.ts'
import { openDatabase } from '../../src/store/database.ts'
import { freshPlace } from '../flows/setup.ts'

/** A queue of two partitions, a node that judges, and what others have written down. */
async function setup(t: TestContext) {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  await driver.query(`select ${schema}.declare_queue('queue', 2)`)
  const events = new Events()
  const charged: EventMap['item.crashed-node'][] = []
  events.listen((name, data) => {
    if (name === 'item.crashed-node') charged.push(data as EventMap['item.crashed-node'])
  })
  const bootId = createUuid()
  const judge = new CrashJudge({ database, bootId, events })
  const query = (text: string, values?: unknown[]) =>
    driver.query(text.replaceAll('{schema}', schema), values)
  return {
    bootId,
    judge,
    charged,
    query,
    node: async (lease: string): Promise<string> => {
      const id = createUuid()
      await query(
        `insert into {schema}.node (boot_id, name, types, version, queues, started_at, lease_until)
         values ($1, 'n', '{}', '0', '{}', now(), {schema}.clock() + $2::interval)`,
        [id, lease],
      )
      return id
    },
    marks: async (node: string, items: readonly MarkedItem[]): Promise<void> => {
      await query(`insert into {schema}.crash_mark (boot_id, items, at) values ($1, $2, now())`, [
        node,
        JSON.stringify(items),
      ])
    },
    done: async (partition: number, from: number, to: number): Promise<void> => {
      await query(
        `update {schema}.partition set done = int8multirange(int8range($2, $3)) where partition = $1`,
        [partition, from, to],
      )
    },
    suspects: async (): Promise<Map<string, number>> => {
      const all = await Promise.all(
        [0, 1].map((partition) => readSuspects(driver, schema, { queue: 1, partition })),
      )
      return new Map(all.flat().map(({ id, crashes }) => [id, crashes]))
    },
    lane: async (id: string, version: number, state = 'scheduled'): Promise<void> => {
      await query(
        `insert into {schema}.waiting_item
           (id, queue, partition, generation, position, definition, scope, state, moves, version, entry, enqueued_at)
         values ($1, 1, 0, 1, 0, 'step', 'step', $3, false, $2, '{}', now())`,
        [id, version, state],
      )
    },
  }
}

function marked(position: number, more: Partial<MarkedItem> = {}): MarkedItem {
  return { id: createUuid(), q: 1, p: 0, position, a: 1, ...more }
}

it('the only item that a dead node ran is charged, once, and its log says so', async (t) => {
  const { judge, charged, query, node, marks, suspects } = await setup(t)
  const item = marked(7, { a: 2 })
  const dead = await node('-1 second')
  await marks(dead, [item])
  await judge.judge()
  await judge.judge()
  assert.deepEqual(await suspects(), new Map([[item.id, 1]]))
  assert.deepEqual(charged, [{ id: item.id, node: dead, crashes: 1 }])
  const { rows } = await query('select attempt, event from {schema}.item_log where id = $1', [item.id])
  assert.deepEqual(rows, [{ attempt: 2, event: 'crashed-node' }])
  // Again, on a node whose row is gone.
  await marks(createUuid(), [item])
  await judge.judge()
  assert.deepEqual(await suspects(), new Map([[item.id, 2]]))
})

it('of several, over all partitions, each is suspected and none charged', async (t) => {
  const { judge, charged, node, marks, suspects } = await setup(t)
  const items = [marked(7), marked(3, { p: 1 })]
  await marks(await node('-1 second'), items)
  await judge.judge()
  assert.deepEqual(await suspects(), new Map(items.map(({ id }) => [id, 0])))
  assert.deepEqual(charged, [])
})

it('of a line that ran one by one the first that has not ended is charged', async (t) => {
  const { judge, charged, node, marks, done, suspects } = await setup(t)
  await done(0, 0, 100)
  const [ended, ran, behind] = [
    marked(7, { turn: 0 }),
    marked(207, { turn: 1 }),
    marked(203, { turn: 2 }),
  ] as const
  const dead = await node('-1 second')
  await marks(dead, [behind, ended, ran])
  await judge.judge()
  assert.deepEqual(
    await suspects(),
    new Map([
      [ran.id, 1],
      [behind.id, 0],
    ]),
  )
  assert.deepEqual(charged, [{ id: ran.id, node: dead, crashes: 1 }])
})

it('what had ended by the log or the lane counts for nothing', async (t) => {
  const { judge, node, marks, done, lane, suspects } = await setup(t)
  await done(0, 0, 100)
  const [ended, tried, gone, open] = [
    marked(7),
    marked(8, { version: 1 }),
    marked(9, { version: 1 }),
    marked(10, { version: 3 }),
  ]
  // It failed meanwhile, and waits for its next attempt.
  await lane(tried.id, 2)
  await lane(open.id, 3)
  await marks(await node('-1 second'), [ended, tried, gone, open])
  await judge.judge()
  assert.deepEqual(await suspects(), new Map([[open.id, 1]]))
})

it('nobody who is alive is judged, the judge itself only when it hung', async (t) => {
  const { judge, bootId, node, marks, suspects } = await setup(t)
  const [theirs, own] = [marked(7), marked(8)]
  await marks(await node('8 seconds'), [theirs])
  await marks(bootId, [own])
  await judge.judge()
  assert.deepEqual(await suspects(), new Map())
  await judge.judge(true)
  assert.deepEqual(await suspects(), new Map([[own.id, 1]]))
})

it('who comes back takes back what it was charged with, once', async (t) => {
  const { judge, bootId, query, marks, suspects } = await setup(t)
  const items = [marked(7), marked(8)]
  for (const item of items) {
    await marks(bootId, [item])
    await judge.judge(true)
  }
  await query('update {schema}.suspect_item set charged_by = gen_random_uuid() where id = $1', [items[1]?.id])
  await judge.withdraw()
  await judge.withdraw()
  assert.deepEqual(
    await suspects(),
    new Map([
      [items[0]?.id, 0],
      [items[1]?.id, 1],
    ]),
  )
})

it('a suspect that has ended, or that a person has put aside, is forgotten', async (t) => {
  const { judge, node, marks, done, lane, suspects } = await setup(t)
  const [ended, deferred, tried] = [7, 8, 9].map((position) => marked(position)) as [
    MarkedItem,
    MarkedItem,
    MarkedItem,
  ]
  await marks(await node('-1 second'), [ended, deferred, tried])
  await judge.judge()
  assert.equal((await suspects()).size, 3)
  await lane(deferred.id, 1, 'deferred')
  await lane(tried.id, 1)
  await done(0, 0, 100)
  assert.deepEqual(await suspects(), new Map([[tried.id, 0]]))
  // Nor does it come back.
  await done(0, 200, 300)
  assert.deepEqual(await suspects(), new Map([[tried.id, 0]]))
})
