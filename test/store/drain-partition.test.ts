import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { adoptStrays, repartitionQueue } from '../../src/store/generations.ts'
import { freshPlace } from '../flows/setup.ts'

const partitions = 500
const atMost = 400

test('what a drain reads does not grow with rows times partitions, and it moves so much at a time', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  const boot = '00000000-0000-8000-8000-000000000001'
  await driver.query(`insert into ${schema}.queue (number, name, partitions) values (1, 'one', 1)`)
  await driver.query(
    `insert into ${schema}.partition (queue, partition, generation, owner, epoch) values (1, 0, 1, $1, 1)`,
    [boot],
  )
  await driver.transaction((tx) => repartitionQueue(tx, schema, 'one', partitions))
  // By each of the two indexes that have them: 300 due, and 600 by their places.
  await driver.query(
    `insert into ${schema}.waiting_item
       (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, entry, enqueued_at)
     select gen_random_uuid(), 1, 0, 1, n, 'd', 'd', 'key ' || n, case when n > 300 then 'held' else 'scheduled' end, false,
       case when n <= 300 then now() end, '{}', now()
     from generate_series(1, 900) n`,
  )
  await driver.query(
    `insert into ${schema}.act (id, queue, partition, item, kind, asked_at)
     select gen_random_uuid(), 1, 0, id, 'cancel', now() from ${schema}.waiting_item`,
  )
  // One of the next generation is closed: what would go there goes on.
  const [closed] = await driver.run({
    text: `select ${schema}.partition_of('key 7', 1, ${partitions}) as partition`,
  })
  await driver.query(`update ${schema}.partition set closed_at = now() where partition = $1`, [
    closed?.['partition'],
  ])
  await driver.transaction((tx) => repartitionQueue(tx, schema, 'one', 3))
  const left = async (table: string): Promise<number> => {
    const [row] = await driver.run({
      text: `select count(*)::int as n from ${schema}.${table} where partition = 0`,
    })
    return row?.['n'] as number
  }
  const calls: [state: string, rows: number, acts: number][] = []
  const reads: number[] = []
  do {
    const [state, read] = await driver.transaction(async (tx) => {
      // What the transaction has read so far, of whatever statement, functions and all.
      const readSoFar = async (): Promise<number> => {
        const [row] = await tx.run({
          text: `select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where relid = '${schema}.partition'::regclass`,
        })
        return Number(row?.['n'])
      }
      const before = await readSoFar()
      const [row] = await tx.run(
        { text: `select ${schema}.drain_partition($1, 1, 0, 1, '0', false, $2) as state` },
        [boot, atMost],
      )
      return [row?.['state'] as string, (await readSoFar()) - before] as const
    })
    calls.push([state, await left('waiting_item'), await left('act')])
    reads.push(read)
  } while (calls.at(-1)?.[0] === 'more' && calls.length < 20)
  assert.deepEqual(calls, [
    ['more', 500, 900],
    ['more', 100, 900],
    ['more', 0, 500],
    ['more', 0, 100],
    ['drained', 0, 0],
  ])
  const most = Math.max(...reads)
  t.diagnostic(`rows of partitions read by each call: ${reads.join(', ')}`)
  // One for each row that goes, and each partition a few times: for itself, and for what would go where it is closed.
  assert.ok(most < 20 * partitions, `${most} rows of partitions read by a call for ${atMost} rows`)
  const [wrong] = await driver.run({
    text: `select count(*)::int as n from ${schema}.waiting_item w
      where w.partition <> ${schema}.next_partition(1, 0, w.key, w.id)`,
  })
  assert.equal(wrong?.['n'], 0)
  const [behind] = await driver.run({
    text: `select partition from ${schema}.waiting_item where key = 'key 7'`,
  })
  assert.ok((behind?.['partition'] as number) > partitions)
  const [apart] = await driver.run({
    text: `select count(*)::int as n from ${schema}.act a join ${schema}.waiting_item w on w.id = a.item where w.partition <> a.partition`,
  })
  assert.equal(apart?.['n'], 0)
})

test('strays go where a drain would have moved them, and stay where there is no such place', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  await driver.query(`insert into ${schema}.queue (number, name, partitions) values (1, 'one', 1)`)
  await driver.transaction((tx) => repartitionQueue(tx, schema, 'one', 5))
  await driver.query(
    `insert into ${schema}.waiting_item (id, queue, partition, definition, scope, key, state, moves, due_at, entry, enqueued_at)
     select gen_random_uuid(), 1, case when n = 1 then 4000 else 0 end, 'd', 'd', 'key ' || n, 'scheduled', true, now(), '{}', now()
     from generate_series(1, 50) n`,
  )
  assert.equal(await adoptStrays(driver, schema), 50)
  const [row] = await driver.run({
    text: `select count(*) filter (where partition = 4000)::int as lost,
        count(*) filter (where partition = ${schema}.partition_of(key, 1, 5))::int as adopted
      from ${schema}.waiting_item`,
  })
  assert.deepEqual(row, { lost: 1, adopted: 49 })
})
