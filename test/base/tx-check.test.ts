import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, Pool } from 'pg'
import { checkTx } from '../../src/base/tx-check.ts'

// What a library's transaction is told is tested with the library, in test/tx.

const refuses = (value: unknown, message: RegExp) =>
  assert.throws(() => checkTx(value), { code: 'OPTION_INVALID', message })

test('a pg client is taken', () => {
  checkTx(new Client())
})

test('what is no transaction is refused, with the ways to one', () => {
  const ways =
    /; give a pg client .* fromKysely, fromKnex, fromDrizzle or fromPrisma of 'coatcheck\/tx' makes$/
  for (const value of [undefined, null, 'tx', [], () => {}, { query: 'select 1' }]) refuses(value, ways)
  refuses({ query: 'select 1' }, /^tx is {"query":"select 1"}, and no transaction; /)
})

test('a pool is refused: it would commit each statement on its own', async () => {
  const pool = new Pool()
  refuses(pool, /^tx is a pg pool, .* pool\.connect\(\)/)
  await pool.end()
})

test('what makes transactions is refused', () => {
  class Database {
    query() {}
    transaction() {}
  }
  refuses(new Database(), /^tx is an object of class Database, which is not a transaction but makes them/)
})

test('an answer without rows is refused', async () => {
  const rowsThemselves = { query: async () => [{ one: 1 }] }
  await assert.rejects(checkTx(rowsThemselves).query('select 1'), {
    code: 'OPTION_INVALID',
    message: 'tx is {}, whose query answered [{"one":1}]; it must answer { rows: […] }',
  })
  const answer = await checkTx({ query: async () => ({ rows: [{ one: 1 }], rowCount: 1 }) }).query('select 1')
  assert.deepEqual(answer, { rows: [{ one: 1 }] })
})
