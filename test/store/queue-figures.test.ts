import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { readLaneCounts, stepLaneCount } from '../../src/store/queue-figures.ts'
import { freshPlace } from '../flows/setup.ts'

test('lanes are counted in steps, and what was counted before stays until a pass is through', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  const fill = (from: number, to: number, state: string) =>
    driver.query(
      `insert into ${schema}.waiting_item (id, queue, partition, definition, scope, state, moves, entry, enqueued_at)
       select gen_random_uuid(), 1 + n % 2, 0, 'd', 'd', $3, false, '{}', to_timestamp(1000 + n) from generate_series($1::int, $2::int) n`,
      [from, to, state],
    )
  const counts = async () =>
    (await readLaneCounts(driver, schema))
      .toSorted((a, b) => a.queue - b.queue)
      .map(({ queue, state, count, oldestAt }) => [queue, state, count, oldestAt])
  /** As if so much time had passed that the next pass is due. */
  const later = () => driver.query(`update ${schema}.count_pass set counted_at = '-infinity'`)
  await fill(1, 10, 'held')
  await stepLaneCount(driver, schema)
  const small = [
    [1, 'held', 5, 1_002_000],
    [2, 'held', 5, 1_001_000],
  ]
  assert.deepEqual(await counts(), small)
  for (let at = 0; at < 11; at++) await fill(11 + at * 10_000, 10 + (at + 1) * 10_000, 'held')
  await later()
  await stepLaneCount(driver, schema)
  await stepLaneCount(driver, schema)
  assert.deepEqual(await counts(), small)
  await stepLaneCount(driver, schema)
  assert.deepEqual(await counts(), [
    [1, 'held', 55_005, 1_002_000],
    [2, 'held', 55_005, 1_001_000],
  ])
  await driver.query(`delete from ${schema}.waiting_item where queue = 2`)
  await driver.query(`update ${schema}.waiting_item set state = 'deferred'`)
  await later()
  for (let step = 0; step < 2; step++) await stepLaneCount(driver, schema)
  assert.deepEqual(await counts(), [[1, 'deferred', 55_005, 1_002_000]])
})
