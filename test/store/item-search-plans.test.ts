import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillItems } from '../../bench/operate-fill.ts'
import { lastIdOf } from '../../src/base/ids.ts'
import { countStates, findItems } from '../../src/engine/item-search.ts'
import { readActsOfItem } from '../../src/store/acts.ts'
import { openDatabase, type OpenDatabase } from '../../src/store/database.ts'
import type { Driver, Runner, Statement } from '../../src/store/driver.ts'
import type { ItemFilter } from '../../src/store/item-filter.ts'
import { readItemHistory } from '../../src/store/item-log.ts'
import { readItemPlace, readListedItems } from '../../src/store/item-rows.ts'
import { readByIndex } from '../../src/store/item-search.ts'
import { readItemTexts, readPortions } from '../../src/store/item-texts.ts'
import { readReplaced } from '../../src/store/replaced-items.ts'
import { countServiceRequests } from '../../src/store/service-counts.ts'
import { testDatabase } from '../databases.ts'
import { freshPlace } from '../flows/setup.ts'

const skip =
  testDatabase().kind === 'pglite' ? 'it is about plans of a server, over tables that take long here' : false
const hourMs = 3_600_000

interface Asked {
  readonly text: string
  readonly values: readonly unknown[]
  readonly byIndex: boolean
}

/** Remembers what is asked, in transactions and outside. */
function watched({ driver, schema }: OpenDatabase) {
  const asked: Asked[] = []
  const watch = <One extends Runner>(runner: One, byIndex: boolean): One => {
    const run: Runner['run'] = (statement: Statement, values = [], options) => {
      asked.push({ text: statement.text, values, byIndex })
      return runner.run(statement, values, options)
    }
    return Object.assign(Object.create(runner) as One, { run })
  }
  const transaction: Driver['transaction'] = (work, options) =>
    driver.transaction((tx) => work(watch(tx, true)), options)
  return {
    asked,
    database: { schema, driver: Object.assign(watch(driver, false), { transaction }) } as OpenDatabase,
  }
}

const places = {
  tracked: 60_000,
  waiting: 20_000,
  broken: 10_000,
  queues: 20,
}

test('the requests of a service are counted without reading those of others', { skip }, async (t) => {
  const opened = await openDatabase(await freshPlace())
  t.after(() => opened.driver.close())
  const { asked, database } = watched(opened)
  const { driver, schema } = opened
  await fillItems((text, values) => driver.query(text, values), schema, { ...places, waiting: 0, broken: 0 })
  await driver.query(`analyze ${schema}.tracked_item`)
  const [queue] = await driver.run({
    text: `select number from ${schema}.queue where name = 'queue-3'`,
  })
  const services = [{ id: 'work-3', queue: queue?.['number'] as number }]
  const since = lastIdOf(Date.now() - 40 * hourMs)
  const [counted] = await readByIndex(database.driver, schema, (runner) =>
    countServiceRequests(runner, schema, services, since),
  )
  const [expected] = await driver.run({
    text: `select count(*)::int as count, (count(*) filter (where state = 'succeeded'))::int as succeeded
    from ${schema}.tracked_item where definition = 'work-3' and id >= '${since}'`,
  })
  assert.deepEqual({ count: counted?.count, succeeded: counted?.succeeded }, expected)
  assert.ok((counted?.count ?? 0) > (counted?.succeeded ?? 0) && (counted?.count ?? 0) < 1_000)
  const { text, values } = asked.at(-1) as Asked
  const plan = await readByIndex(driver, schema, (runner) =>
    runner.run({ text: `explain (analyze) ${text}` }, values),
  )
  const lines = plan.map((row) => String(row['QUERY PLAN'])).join('\n')
  assert.match(lines, /tracked_item_ended_group/)
  assert.match(lines, /tracked_item_open_group/)
  assert.doesNotMatch(lines, /Seq Scan on tracked_item|tracked_item_pkey|Rows Removed by Filter/, lines)
})

test('no search reads a table from end to end', { skip, timeout: 240_000 }, async (t) => {
  const opened = await openDatabase(await freshPlace())
  t.after(() => opened.driver.close())
  const { asked, database } = watched(opened)
  const { driver, schema } = opened
  await fillItems((text, values) => driver.query(text, values), schema, places)
  await driver.query(
    `insert into ${schema}.item_log (id, at, attempt, event, message)
    select id, enqueued_at, 1, 'log', 'a line of its log' from ${schema}.tracked_item`,
  )
  await driver.query(
    `insert into ${schema}.act (id, queue, partition, item, kind, asked_at, verdict, state, decided_at)
    select gen_random_uuid(), queue, 0, id, 'cancel', enqueued_at, 'refused', state, enqueued_at from ${schema}.tracked_item`,
  )
  for (const table of ['tracked_item', 'waiting_item', 'broken_item', 'item_log', 'act'])
    await driver.query(`analyze ${schema}.${table}`)
  const now = Date.now()
  const filters: ItemFilter[] = [
    {},
    ...['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled'].map(
      (state) => ({ states: [state] }),
    ),
    { states: ['ready', 'succeeded'], queue: 3 },
    { queue: 3 },
    { queue: 3, states: ['ready'] },
    { queue: 3, states: ['broken'] },
    { queue: 3, states: ['cancelled'] },
    { definitions: ['mail-3', 'service:mail-3'] },
    { key: 'employee-7919' },
    { key: 'employee-7919', states: ['broken'] },
    { keyPrefix: 'employee-791' },
    { keyPrefix: 'employee-' },
    { correlationId: 'c4ca4238a0b923820dcc509a6f75849b' },
    { traceId: 'c4ca4238a0b923820dcc509a6f75849b' },
    { causationId: 'c4ca4238-a0b9-2382-0dcc-509a6f75849b' },
    { caller: 'key:2' },
    { accessGroup: 'group-1' },
    { accessGroup: 'group-1', queue: 3 },
    { accessGroup: 'group-1', states: ['ready'] },
    { errorCode: 'TIMEOUT' },
    { fingerprint: '0123456789abcdef' },
    { blocks: true },
    { text: 'hundred', enqueuedAfter: now - hourMs },
    { text: 'nowhere', enqueuedAfter: now - 10 * hourMs },
    { ids: ['0199f3a1-7c00-8001-8001-5f3c9a2b1000'] },
    { enqueuedAfter: now - 30 * hourMs, enqueuedBefore: now - 20 * hourMs },
  ]
  const ids: string[] = []
  for (const filter of filters)
    for (const order of ['newest', 'oldest'] as const) {
      const { ids: found } = await findItems(database, filter, { order, limit: 50 })
      ids.push(...found.slice(0, 10))
    }
  const all = ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled']
  for (const filter of [{}, { queue: 3 }, { definitions: ['mail-3'] }, { enqueuedAfter: now - hourMs }])
    await countStates(database, filter, all, 10_000, 1_000)
  const some = ids.slice(0, 200)
  await readByIndex(database.driver, schema, async (runner) => {
    await readListedItems(runner, schema, some)
    for (const portion of await readPortions(runner, schema, some, true))
      await readItemTexts(runner, schema, portion, true)
    const parents = some.map((id, at) => ({ id, parent: some[at + 1] }))
    await readReplaced(runner, schema, parents)
  })
  await readItemHistory(database.driver, schema, some[0] ?? '', 500)
  await readItemPlace(database.driver, schema, some[0] ?? '')
  await readActsOfItem(database.driver, schema, some[0] ?? '', 200)
  const big = /Seq Scan on (?:tracked_item|waiting_item|broken_item|item_log|act)\b/
  assert.ok(asked.length > 100, `${asked.length} statements`)
  for (const { text, values, byIndex } of asked) {
    const explain = (runner: Runner) => runner.run({ text: `explain ${text}` }, values)
    const plan = await (byIndex ? readByIndex(driver, schema, explain) : explain(driver))
    const lines = plan.map((row) => String(row['QUERY PLAN'])).join('\n')
    assert.doesNotMatch(lines, big, `${text}\n${JSON.stringify(values).slice(0, 2_000)}\n${lines}`)
  }
})
