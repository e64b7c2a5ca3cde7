import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { type ErrorCode, isCoatcheckError } from '../../src/base/errors.ts'
import { type DatabaseOptions, openDatabase } from '../../src/store/database.ts'
import { freshDatabase, freshSchema, testDatabase } from '../databases.ts'

const isServer = testDatabase().kind === 'postgres'
const server = isServer ? false : 'this is about a server'
const embedded = isServer ? 'this is about the embedded database' : false

const failsWith = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(isCoatcheckError(error, code), String(error))
  assert.match(error.message, message)
  return true
}

test('a server is opened, and its schema made', { skip: server }, async () => {
  const schema = freshSchema()
  const database = await freshDatabase()
  const opened = await openDatabase({ database, schema })
  assert.equal(opened.schema, schema)
  assert.equal(opened.driver.kind, 'postgres')
  assert.equal((await opened.driver.query(`select * from ${schema}.migration`)).rows.length > 0, true)
  await opened.driver.close()
  const again = await openDatabase({ database, schema, migrate: 'check' })
  await again.driver.close()
  const other = openDatabase({ database, schema: 'other', migrate: 'check' })
  await assert.rejects(other, failsWith('SCHEMA_MISSING', /"other"/))
})

test("a pool is opened, and stays the caller's", { skip: server }, async (t) => {
  const pool = new pg.Pool({ connectionString: await freshDatabase() })
  t.after(() => pool.end())
  const { driver } = await openDatabase({ database: pool })
  await driver.close()
  assert.equal((await pool.query('select from coatcheck.migration')).rowCount! > 0, true)
})

test('all that makes a server unfit is told at once', { skip: server }, async () => {
  const database = await freshDatabase()
  const url = new URL(database)
  const admin = new pg.Client({ connectionString: database })
  await admin.connect()
  const name = url.pathname.slice(1)
  await admin.query(`alter database ${name} set default_transaction_isolation = 'serializable'`)
  await admin.query(`alter database ${name} set default_transaction_read_only = on`)
  await admin.end()
  const opening = openDatabase({ database })
  await assert.rejects(opening, failsWith('DATABASE_UNSUITABLE', /is "serializable" and .*; it is read-only/))
})

test('another encoding is refused', { skip: server }, async () => {
  const url = new URL(await freshDatabase())
  const admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
  const name = `${url.pathname.slice(1)}_latin1`
  await admin.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
  try {
    url.pathname = `/${name}`
    const opening = openDatabase({ database: url.href })
    await assert.rejects(opening, failsWith('DATABASE_UNSUITABLE', /encoding is LATIN1/))
  } finally {
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  }
})

test('what may lose data is a warning', { skip: server }, async () => {
  const database = await freshDatabase()
  const admin = new pg.Client({ connectionString: database })
  await admin.connect()
  await admin.query(`alter database ${new URL(database).pathname.slice(1)} set synchronous_commit = off`)
  await admin.end()
  const { driver, warnings } = await openDatabase({ database })
  await driver.close()
  assert.ok(warnings.some((warning) => warning.includes('synchronous_commit is off')))
})

test(
  'the embedded database is opened where it is asked for, and found again',
  { skip: embedded },
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'coatcheck-database-'))
    t.after(() => rm(root, { recursive: true }))
    const options: DatabaseOptions = { directory: join(root, 'deep', 'data'), environment: 'development' }
    const first = await openDatabase(options)
    assert.equal(first.driver.kind, 'pglite')
    assert.match(first.warnings.join(), /not one of the machine/)
    await first.driver.script('create table kept (a int)')
    await first.driver.close()
    const second = await openDatabase({
      ...options,
      database: 'embedded',
      environment: 'production',
      migrate: 'check',
    })
    assert.deepEqual(await second.driver.run({ text: 'select * from kept' }), [])
    await second.driver.close()
  },
)

test('what does not fit is refused before anything is opened', async () => {
  const cases: [DatabaseOptions, ErrorCode, RegExp][] = [
    [{ environment: 'production' }, 'EMBEDDED_REFUSED', /'embedded'/],
    [{ database: 'mysql://user:secret@host/x' }, 'CONFIG_INVALID', /mysql:\/\/user:…@host/],
    [{ schema: 'Not Plain' }, 'OPTION_INVALID', /"Not Plain"/],
    [{ database: 'postgres://postgres@127.0.0.1:1/x' }, 'DATABASE_UNREACHABLE', /ECONNREFUSED/],
  ]
  for (const [options, code, message] of cases) {
    await assert.rejects(openDatabase(options), (error) => {
      assert.ok(!String(error).includes('secret'))
      return failsWith(code, message)(error)
    })
  }
})
