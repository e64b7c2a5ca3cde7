import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoatcheckError } from '../../src/base/errors.ts'
import { Events } from '../../src/base/events.ts'
import { QueueStatistics } from '../../src/engine/queue-statistics.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { Driver } from '../../src/store/driver.ts'
import { expireStatistics, readStatistics } from '../../src/store/queue-statistics.ts'
import { readClock } from '../../src/store/topology.ts'
import { freshPlace } from '../flows/setup.ts'

test('what nodes count adds up, of each queue and of all, by the minute and by ten of them', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  const now = Math.floor((await readClock(driver, schema)) / 600_000) * 600_000 - 600_000
  let time = now
  const nodes = [0, 1].map(() => new QueueStatistics(database, new Events(), () => time))
  for (const node of nodes) {
    node.accepted(1, 3)
    node.accepted(2, 4)
    node.cancelled(2, 1)
  }
  for (const node of nodes) await node.flush()
  time += 60_000
  nodes[0]!.accepted(1, 5)
  await nodes[0]!.stop()
  // Nothing new: nothing is written.
  await nodes[1]!.stop()
  const read = async (queue: number, span: number) =>
    (await readStatistics(driver, schema, queue, span, now)).map(({ at, accepted, cancelled }) => [
      (at - now) / 60_000,
      accepted,
      cancelled,
    ])
  assert.deepEqual(await read(1, 60), [
    [0, 6, 0],
    [1, 5, 0],
  ])
  assert.deepEqual(await read(2, 60), [[0, 8, 2]])
  assert.deepEqual(await read(1, 600), [[0, 11, 0]])
  assert.deepEqual(await read(0, 600), [[0, 19, 2]])
  await driver.query(`update ${schema}.queue_statistic set at = at - interval '3 days'`)
  assert.equal(await expireStatistics(driver, schema, 2), 2)
  assert.equal(await expireStatistics(driver, schema, 100), 3)
  assert.equal(await expireStatistics(driver, schema, 100), 0)
})

test('what could not be written is written later, once; what may have been is not', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  let failure: Error | undefined
  const failing: Driver = Object.assign(Object.create(driver) as Driver, {
    run: async (...call: Parameters<Driver['run']>) => {
      if (failure) throw failure
      return driver.run(...call)
    },
  })
  const now = await readClock(driver, schema)
  const node = new QueueStatistics({ ...database, driver: failing }, new Events(), () => now)
  const accepted = async () => (await readStatistics(driver, schema, 1, 60, 0)).map((row) => row.accepted)
  node.accepted(1, 3)
  failure = new CoatcheckError('DATABASE_UNREACHABLE', 'refused')
  await node.flush()
  failure = undefined
  node.accepted(1, 4)
  await node.flush()
  assert.deepEqual(await accepted(), [7])
  node.accepted(1, 8)
  failure = Object.assign(new CoatcheckError('DATABASE_TIMEOUT', 'no answer'), { ambiguous: true })
  await node.flush()
  failure = undefined
  await node.stop()
  assert.deepEqual(await accepted(), [7])
})
