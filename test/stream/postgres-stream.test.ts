import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Client } from 'pg'
import { parseItemId } from '../../src/base/ids.ts'
import { hashOf } from '../../src/engine/topology.ts'
import { openDatabase } from '../../src/store/database.ts'
import { declareDefinitions } from '../../src/store/topology.ts'
import { advanceVirtualClock, installVirtualClock } from '../../src/store/virtual-clock.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import { streamHolesSuite } from '../conformance/stream-holes.suite.ts'
import { awkward, type StreamSubject } from '../conformance/stream-subject.ts'
import { streamSuite } from '../conformance/stream.suite.ts'
import { freshSchema, testDatabase } from '../databases.ts'

const { url } = testDatabase()
const place = {
  schema: freshSchema(),
  database: url ?? 'embedded',
  ...(url === undefined ? { directory: 'memory://stream' } : {}),
}
const database = await openDatabase(place)
const { driver, schema } = database
await installVirtualClock(driver, schema)
after(() => driver.close())

async function begin(connectionString: string) {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query('begin')
  return {
    tx: client,
    end: async (how: 'commit' | 'rollback') => {
      await client.query(how)
      await client.end()
    },
  }
}

let queues = 0

async function open(): Promise<StreamSubject> {
  const other = await openDatabase(place)
  return {
    stream: new PostgresStream(database),
    elsewhere: new PostgresStream(other),
    async makeQueue(partitions) {
      const { rows } = await driver.query(`select ${schema}.declare_queue($1, $2) as number`, [
        `queue-${queues++}`,
        partitions,
      ])
      return rows[0]!['number'] as number
    },
    begin: url === undefined ? undefined : () => begin(url),
    advance: (milliseconds) => advanceVirtualClock(driver, schema, milliseconds),
    async recordHole(...hole) {
      await driver.query(`insert into ${schema}.hole values ($1, $2, $3, pg_current_xact_id())`, hole)
    },
    close: () => other.driver.close(),
  }
}

const name = url === undefined ? 'PGlite' : 'PostgreSQL'
streamSuite(name, open)
streamHolesSuite(name, open)

test('SQL finds the partition of a key as code does', async () => {
  const keys = fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), 500)
  keys.push(...fc.sample(fc.string({ unit: 'binary', minLength: 1 }), 200), awkward, 'é', 'e\u0301', '😀')
  const stored = keys.filter((key) => !key.includes('\0'))
  const { rows } = await driver.query(
    `select ${schema}.partition_of(key, 7, partitions) as found
     from unnest($1::text[], $2::int[]) with ordinality as given(key, partitions, at) order by at`,
    [stored, stored.map((_, at) => (at % 4096) + 1)],
  )
  assert.ok(stored.length > 500)
  assert.deepEqual(
    rows.map((row) => row['found'] as number),
    stored.map((key, at) => 7 + (hashOf(key) % ((at % 4096) + 1))),
  )
})

test('an id that SQL makes says the queue, the partition and the time', async () => {
  await declareDefinitions(driver, schema, [
    { id: 'keyed', application: 'a', queue: 'keyed', partitions: 6, keyed: true, maxPayload: 1_000 },
  ])
  const { rows } = await driver.query(
    `select ${schema}.enqueue('keyed', $1, $2) as id, ${schema}.epoch_ms(${schema}.clock()) as clock`,
    ['{"n":1}', awkward],
  )
  const { id, clock } = rows[0] as { id: string; clock: number }
  const parts = parseItemId(id)
  const found = await driver.query(`select queue, partition, data from ${schema}.log where flush = $1`, [id])
  assert.deepEqual(found.rows, [
    {
      queue: parts.queue,
      partition: hashOf(awkward) % 6,
      data: `[{"d":"keyed","k":${JSON.stringify(awkward)},"i":{"n":1}}]`,
    },
  ])
  assert.deepEqual([parts.partition, parts.index], [hashOf(awkward) % 6, 0])
  assert.ok(Math.abs(parts.milliseconds - clock) < 1_000)
})
