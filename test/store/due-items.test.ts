import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import type { Runner, Statement } from '../../src/store/driver.ts'
import { readDue } from '../../src/store/waiting-items.ts'
import { freshPlace } from '../flows/setup.ts'

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
