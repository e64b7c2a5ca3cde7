import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashOf } from '../../src/engine/topology.ts'
import { openDatabase } from '../../src/store/database.ts'
import { freshPlace } from '../flows/setup.ts'
import { dumpSchema } from './schema-dump.ts'

const file = new URL('./schema.sql', import.meta.url)
const head = `-- What all migrations give together; the heads of functions only. Written by:
-- COATCHECK_WRITE_SCHEMA=1 node --test test/store/schema.test.ts

`

test('schema.sql shows what the migrations give', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const dump = head + (await dumpSchema(database.driver, database.schema))
  if (process.env['COATCHECK_WRITE_SCHEMA']) await writeFile(file, dump)
  assert.equal(
    dump,
    await readFile(file, 'utf8'),
    'write it again as its first lines say, and look at the difference',
  )
})

test('SQL finds the partition of a key where code does, whatever the key holds', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const key = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .map((text) => text.replaceAll('\0', '0').toWellFormed())
  const keys = ['a', 'ключ', '鍵', '🗝️', ' ', "it's", '\\', ...fc.sample(key, 1_000)]
  for (const partitions of [1, 6, 4096]) {
    const { rows } = await database.driver.query(
      `select k, ${database.schema}.partition_of(k, 0, ${partitions}) as partition from unnest($1::text[]) with ordinality as u(k, n) order by n`,
      [keys],
    )
    assert.deepEqual(
      rows.map((row) => row['partition'] as number),
      keys.map((one) => hashOf(one) % partitions),
    )
  }
  const { rows } = await database.driver.query(
    `select ${database.schema}.partition_of('a', 10, 6) as partition`,
  )
  assert.equal(rows[0]!['partition'], 10 + (hashOf('a') % 6))
})
