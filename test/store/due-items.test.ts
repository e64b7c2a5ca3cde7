import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import type { Runner, Statement } from '../../src/store/driver.ts'
import { readDue, readStartable, type Ord } from '../../src/store/waiting-items.ts'
import { freshPlace } from '../flows/setup.ts'
import { explained } from './explained.ts'

const laneStart: Ord = { generation: 0, position: -1 }

test('of what is due only what goes into the log is read where nothing runs, however many retries stand before it', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  const fill = (count: number, moves: boolean, due: string) =>
    driver.query(
      `insert into ${schema}.waiting_item (id, queue, partition, definition, scope, state, moves, due_at, entry, enqueued_at)
       select gen_random_uuid(), 1, n % 2, 'd', 'd', 'scheduled', $2, $3::timestamptz + n * interval '1 ms', '{}', now() - interval '3 h'
       from generate_series(1, $1::int) n`,
      [count, moves, due],
    )
  await fill(20_000, false, '2020-01-01T00:00:00Z')
  await fill(6, true, '2021-01-01T00:00:00Z')
  await driver.query(`analyze ${schema}.waiting_item`)
  const partitions = [0, 1].map((partition) => ({ queue: 1, partition }))
  let asked: { text: string; values: readonly unknown[] } | undefined
  const watching = Object.assign(Object.create(driver) as Runner, {
    run: (statement: Statement, values: readonly unknown[] = []) => {
      asked = { text: statement.text, values }
      return driver.run(statement, values)
    },
  })
  const rows = await readDue(watching, schema, partitions, { items: 200, bytes: 1_000_000 }, [])
  assert.equal(rows.length, 6)
  assert.ok(rows.every(({ moves }) => moves))
  assert.ok(asked)
  const plan = await driver.run({ text: `explain (analyze, timing off) ${asked.text}` }, asked.values)
  const lines = plan.map((row) => String(row['QUERY PLAN'])).join('\n')
  assert.match(lines, /Index (?:Only )?Scan using waiting_item_moves/)
  assert.doesNotMatch(lines, /Rows Removed by Filter: \d{2,}/)
  const all = await readDue(driver, schema, partitions, { items: 200, bytes: 1_000_000 }, [], ['d'])
  assert.equal(all.length, 400)
})

test('of a definition that nobody runs nothing is looked at, however many are due or wait for an owner', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  const fill = (from: number, count: number, definition: string, state: 'scheduled' | 'held') =>
    driver.query(
      `insert into ${schema}.waiting_item
         (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, entry, enqueued_at)
       select gen_random_uuid(), 1, 0, 1, n, $3, $3, 'k-' || n, $4, false,
         case when $4 = 'scheduled' then now() - interval '1 h' + n * interval '1 ms' end, '{}', now() - interval '3 h'
       from generate_series($1::int, $1::int + $2::int - 1) n`,
      [from, count, definition, state],
    )
  await fill(1, 20_000, 'gone', 'scheduled')
  await fill(20_001, 300, 'd', 'scheduled')
  await fill(30_001, 5_000, 'gone', 'held')
  await fill(40_001, 3, 'd', 'held')
  await driver.query(`analyze ${schema}.waiting_item`)
  const place = { queue: 1, partition: 0 }
  const limits = { items: 200, bytes: 1_000_000 }
  const due = await explained(driver, (runner) => readDue(runner, schema, [place], limits, [], ['d', 'e']))
  assert.equal(due.answer.length, 200)
  assert.ok(due.answer.every(({ definition }) => definition === 'd'))
  assert.ok(due.mostRows <= 300, `${due.mostRows} rows\n${due.plan}`)
  const definitions = [{ id: 'd', order: 'strict' }] as const
  const read = (after: Ord, runner: Runner = driver) =>
    readStartable(runner, schema, place, definitions, after, 200)
  const first = await explained(driver, (runner) => read(laneStart, runner))
  assert.deepEqual(first.answer, { rows: [], after: { generation: 1, position: 31_000 } })
  assert.ok(first.mostRows <= 1_000, `${first.mostRows} rows\n${first.plan}`)
  const found: number[] = []
  for (let after: Ord | undefined = laneStart; after;) {
    const page = await read(after)
    found.push(...page.rows.map(({ position }) => Number(position)))
    after = page.after
  }
  assert.deepEqual(found, [40_001, 40_002, 40_003])
})
