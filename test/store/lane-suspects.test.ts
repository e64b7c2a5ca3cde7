import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { readLaneSuspects, type LaneSuspects } from '../../src/store/lane-suspects.ts'
import type { Ord } from '../../src/store/waiting-items.ts'
import { freshPlace } from '../flows/setup.ts'
import { explained } from './explained.ts'

const part = { queue: 1, partition: 0 }
const strict = [{ id: 'd', order: 'strict' }] as const
const start: Ord = { generation: 0, position: -1 }
/** What the dead owner may have been running stands before it. */
const suspectTo = 15_000

/** A partition of the second generation whose owner died now, and rows that its lane is given. */
async function unclean(t: TestContext) {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  await driver.query(`insert into ${schema}.queue (number, name, partitions) values (1, 'one', 1)`)
  await driver.query(
    `insert into ${schema}.partition (queue, partition, generation, unclean_at, suspect_to) values (1, 0, 2, now(), $1)`,
    [suspectTo],
  )
  const put = (rows: {
    key: string | null
    state: string
    from: number
    count?: number
    generation?: number
    definition?: string
    due?: string
  }) =>
    driver.query(
      `insert into ${schema}.waiting_item
         (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, entry, enqueued_at)
       select gen_random_uuid(), 1, 0, $1, n, $2, $2, $3, $4, false, now() + $5::interval, '{}', now() - interval '3 h'
       from generate_series($6::int, $6::int + $7::int - 1) n`,
      [
        rows.generation ?? 2,
        rows.definition ?? 'd',
        rows.key,
        rows.state,
        rows.due ?? null,
        rows.from,
        rows.count ?? 1,
      ],
    )
  const analyze = () => driver.query(`analyze ${schema}.waiting_item`)
  /** The pages of it, up to the first where something is found. */
  const search = async (definitions: readonly { id: string; order: 'strict' | 'relaxed' }[] = strict) => {
    const pages: LaneSuspects[] = []
    for (let after: Ord | undefined = start; after; after = pages.at(-1)?.after) {
      pages.push(await readLaneSuspects(driver, schema, part, definitions, after))
      if (pages.at(-1)?.isFound) break
    }
    return { pages: pages.length, isFound: pages.at(-1)?.isFound }
  }
  return { driver, schema, put, analyze, search }
}

test('what a lane still holds of a dead owner is looked for page by page, however many stand behind one head', async (t) => {
  const { driver, schema, put, analyze, search } = await unclean(t)
  await put({ key: 'hot', state: 'scheduled', from: 1, due: '1 hour' })
  await put({ key: 'hot', state: 'held', from: 2, count: 20_000 })
  // Of definitions that are gone, due or waiting for an owner, and what is read only to be moved.
  await put({ key: 'other', state: 'scheduled', from: 1, count: 5_000, definition: 'gone', due: '-1 hour' })
  await put({ key: null, state: 'ready', from: 1, count: 5_000, generation: 1, definition: 'gone' })
  await analyze()
  const page = await explained(driver, (runner) => readLaneSuspects(runner, schema, part, strict, start))
  assert.deepEqual(page.answer, { isFound: false, after: { generation: 1, position: 1_000 } })
  assert.ok(page.mostRows <= 1_000, `${page.mostRows} rows\n${page.plan}`)
  const behind = { generation: 2, position: 5_000 }
  const later = await explained(driver, (runner) => readLaneSuspects(runner, schema, part, strict, behind))
  assert.deepEqual(later.answer, { isFound: false, after: { generation: 2, position: 6_000 } })
  assert.ok(later.mostRows <= 1_000, `${later.mostRows} rows\n${later.plan}`)
  // 5,000 of the first generation, and of the second those before the bound.
  assert.deepEqual(await search(), { pages: 20, isFound: false })
  // One that was not held when its owner died.
  await put({ key: 'cold', state: 'ready', from: 10_500 })
  assert.deepEqual(await search(), { pages: 16, isFound: true })
})

test('of those that wait for a time the lane is asked which had come to it', async (t) => {
  const { put, search } = await unclean(t)
  await put({ key: 'b', state: 'scheduled', from: 3, due: '1 hour' })
  await put({ key: 'c', state: 'deferred', from: 4, due: '-1 hour' })
  await put({ key: 'd', state: 'held', from: suspectTo })
  assert.deepEqual(await search(), { pages: 1, isFound: false })
  await put({ key: 'a', state: 'scheduled', from: suspectTo, due: '-1 hour' })
  assert.deepEqual(await search(), { pages: 1, isFound: false })
  await put({ key: 'a', state: 'scheduled', from: 1, due: '-1 hour' })
  assert.deepEqual(await search(), { pages: 1, isFound: true })
})

test('behind one that waits for its time something can have been running only where order is relaxed', async (t) => {
  const { put, search } = await unclean(t)
  await put({ key: 'a', state: 'scheduled', from: 1, due: '1 hour' })
  await put({ key: 'a', state: 'held', from: 2 })
  assert.deepEqual(await search(), { pages: 1, isFound: false })
  assert.deepEqual(await search([{ id: 'd', order: 'relaxed' }]), { pages: 1, isFound: true })
})
