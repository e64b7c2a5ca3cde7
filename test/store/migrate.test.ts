import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type ErrorCode, isCoatcheckError } from '../../src/base/errors.ts'
import { migrate } from '../../src/store/migrate.ts'
import { type Migration, readMigrations } from '../../src/store/migration-files.ts'
import { createPgDriver } from '../../src/store/pg-driver.ts'
import { inMemory, openPgliteDriver } from '../../src/store/pglite-driver.ts'
import { freshDatabase, freshSchema, testDatabase } from '../databases.ts'
import { startChild } from './child.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import { promised, until } from './until.ts'

const migratingFile = new URL('./migrating-process.ts', import.meta.url)

const isServer = testDatabase().kind === 'postgres'
const database = isServer ? await freshDatabase() : undefined
const driver = database ? createPgDriver({ database }) : await openPgliteDriver(inMemory)
after(() => driver.close())

const failsWith = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(isCoatcheckError(error, code), String(error))
  assert.match(error.message, message)
  return true
}

const migrations: Migration[] = [
  { number: 1, name: '0001_start', text: 'create table {schema}.start (a int);', checksum: 'one' },
  {
    number: 2,
    name: '0002_next',
    text: 'create table {schema}.next (a int); insert into {schema}.next values (1)',
    checksum: 'two',
  },
]

async function tables(schema: string): Promise<string[]> {
  const rows = await driver.run(
    { text: 'select table_name from information_schema.tables where table_schema = $1 order by 1' },
    [schema],
  )
  return rows.map((row) => String(row['table_name']))
}

test('what is missing is applied once, in order', async () => {
  const schema = freshSchema()
  const first = { schema, mode: 'auto', migrations: migrations.slice(0, 1) } as const
  assert.deepEqual(await migrate(driver, first), ['0001_start'])
  assert.deepEqual(await migrate(driver, first), [])
  assert.deepEqual(await migrate(driver, { ...first, migrations }), ['0002_next'])
  assert.deepEqual(await tables(schema), ['migration', 'next', 'start'])
  const { rows } = await driver.query(
    `select number, name, checksum, applied_at from ${schema}.migration order by 1`,
  )
  assert.ok(rows.every(({ applied_at: at }) => at instanceof Date))
  assert.deepEqual(
    rows.map(({ number, name, checksum }) => [number, name, checksum]),
    [
      [1, '0001_start', 'one'],
      [2, '0002_next', 'two'],
    ],
  )
})

test('those of this release make a schema, and are the same each time they are read', async () => {
  const schema = freshSchema()
  const names = await migrate(driver, { schema, mode: 'auto' })
  assert.equal(names[0], '0001_road')
  assert.deepEqual(await migrate(driver, { schema, mode: 'check' }), [])
})

test('one that fails leaves nothing, not even those before it', async () => {
  const schema = freshSchema()
  const broken = {
    number: 3,
    name: '0003_broken',
    text: 'create table {schema}.start (a int)',
    checksum: 'three',
  }
  const run = migrate(driver, { schema, mode: 'auto', migrations: [...migrations, broken] })
  await assert.rejects(run, { code: '42P07' })
  assert.deepEqual(await tables(schema), [])
})

test('check applies nothing, and says what to do', async () => {
  const schema = freshSchema()
  const missing = failsWith('SCHEMA_MISSING', /lacks 0001_start, 0002_next\. Run "coatcheck migrate"/)
  await assert.rejects(migrate(driver, { schema, mode: 'check', migrations }), missing)
  assert.deepEqual(await tables(schema), [])
  await migrate(driver, { schema, mode: 'auto', migrations: migrations.slice(0, 1) })
  const lacksOne = failsWith('SCHEMA_MISSING', /lacks 0002_next\./)
  await assert.rejects(migrate(driver, { schema, mode: 'check', migrations }), lacksOne)
})

for (const mode of ['auto', 'check'] as const) {
  test(`${mode} refuses a schema of a newer release`, async () => {
    const schema = freshSchema()
    await migrate(driver, { schema, mode: 'auto', migrations })
    const run = migrate(driver, { schema, mode, migrations: migrations.slice(0, 1) })
    await assert.rejects(run, failsWith('SCHEMA_NEWER', /does not know: 0002_next/))
  })

  test(`${mode} refuses a migration that was edited`, async () => {
    const schema = freshSchema()
    await migrate(driver, { schema, mode: 'auto', migrations })
    const edited = migrations.map((migration) =>
      migration.number === 1 ? { ...migration, checksum: 'other' } : migration,
    )
    await assert.rejects(
      migrate(driver, { schema, mode, migrations: edited }),
      failsWith('MIGRATION_CHANGED', /0001_start\./),
    )
  })
}

test('a schema whose name is no plain identifier is refused', async () => {
  for (const schema of ['', 'Road', 'a-b', 'a"b', '1a', 'x'.repeat(64)])
    await assert.rejects(
      migrate(driver, { schema, mode: 'auto', migrations }),
      failsWith('OPTION_INVALID', /plain identifier/),
    )
})

test('many starters at once apply each migration once', async () => {
  const schema = freshSchema()
  const starters = Array.from({ length: 8 }, () => migrate(driver, { schema, mode: 'auto', migrations }))
  const applied = (await Promise.all(starters)).flat()
  assert.deepEqual(applied.sort(), ['0001_start', '0002_next'])
})

const skip = isServer ? false : 'the embedded database has one process'

test('many processes at once apply each migration once', { skip }, async (t) => {
  const schema = freshSchema()
  const children = Array.from({ length: 3 }, () => startChild(t, migratingFile, [database ?? '', schema]))
  for (const child of children) assert.equal(await child.line(), 'ready')
  for (const child of children) child.process.stdin?.write('go\n')
  const applied = await Promise.all(children.map((child) => child.line()))
  const names = (await readMigrations()).map(({ name }) => name).join()
  assert.deepEqual(applied.sort(), ['', '', names])
})

test('one that meets a lock gives way, and tries again', { skip }, async () => {
  const schema = freshSchema()
  await migrate(driver, { schema, mode: 'auto', migrations: migrations.slice(0, 1) })
  const alter = {
    number: 2,
    name: '0002_alter',
    text: 'alter table {schema}.start add column b int',
    checksum: 'two',
  }
  const waiters = async () => {
    const [row] = await driver.run({
      text: `select count(*)::int as n from pg_locks where not granted and relation = '${schema}.start'::regclass`,
    })
    return Number(row?.['n'])
  }
  const { promise: locked, keep: lock } = promised()
  const { promise: goOn, keep: go } = promised()
  const atWork = driver.transaction(
    async (tx) => {
      await tx.query(`select * from ${schema}.start`)
      lock()
      await goOn
    },
    { idleTimeoutMs: 30_000 },
  )
  await locked
  const run = migrate(driver, { schema, mode: 'auto', migrations: [migrations[0]!, alter] })
  await until('it waits', async () => (await waiters()) === 1)
  // others would queue up behind it
  await until('it gave way', async () => (await waiters()) === 0)
  await until('it tries again', async () => (await waiters()) === 1)
  go()
  await atWork
  assert.deepEqual(await run, ['0002_alter'])
})

test(
  'a connection that falls silent is not waited for as long as a migration may take',
  { skip },
  async (t) => {
    const silent = async (from: string) => {
      const url = new URL(database ?? '')
      const proxy = await startTcpProxy(url.hostname, Number(url.port))
      t.after(() => proxy.close())
      url.hostname = '127.0.0.1'
      url.port = String(proxy.port)
      const beyond = createPgDriver({ database: url.href })
      t.after(() => beyond.close())
      proxy.holdFrom(from)
      await assert.rejects(
        migrate(beyond, { schema: freshSchema(), mode: 'auto', migrations }),
        failsWith('DATABASE_TIMEOUT', /within 6000 ms/),
        from,
      )
    }
    await Promise.all(['begin isolation level', 'pg_advisory_xact_lock', 'insert into'].map(silent))
  },
)

test('the files of a directory are read in order, whatever their line ends', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-migrations-'))
  t.after(() => rm(directory, { recursive: true }))
  const url = pathToFileURL(`${directory}/`)
  for (const [name, text] of Object.entries({
    '0002_b.sql': 'b\nb',
    '0001_a.sql': 'a',
    'README.md': '',
    '3_c.sql': '',
  }))
    await writeFile(join(directory, name), text)
  const [a, b] = await readMigrations(url)
  assert.deepEqual(
    [a?.number, a?.name, a?.text, b?.number, b?.name, b?.text],
    [1, '0001_a', 'a', 2, '0002_b', 'b\nb'],
  )
  await writeFile(join(directory, '0002_b.sql'), 'b\r\nb')
  assert.deepEqual(await readMigrations(url), [a, b])
})

test('callers stay told of what was broken before request processors came', async () => {
  const schema = freshSchema()
  const all = await readMigrations()
  await migrate(driver, { schema, mode: 'auto', migrations: all.filter(({ number }) => number < 12) })
  const ids = ['0199f3a1-7c00-8001-8001-5f3c9a2b1000', '0199f3a1-7c00-8001-8001-5f3c9a2b1001']
  for (const [at, state] of ['broken', 'succeeded'].entries())
    await driver.query(
      `insert into ${schema}.tracked_item (id, queue, definition, state, attempts, enqueued_at, ended_at, expires_at)
      values ($1, 1, 'service:hire', $2, 1, now(), now(), '2026-01-31T12:00:00Z')`,
      [ids[at], state],
    )
  await driver.query(
    `insert into ${schema}.broken_item
      (id, queue, partition, generation, position, definition, scope, attempts, entry, enqueued_at, broken_at, failure)
    values ($1, 1, 0, 1, 0, 'service:hire', 'service:hire', 1, '{}', now(), now(), '{}')`,
    [ids[0]],
  )
  const applied = await migrate(driver, { schema, mode: 'auto', migrations: all })
  assert.ok(applied.includes('0012_request_processors'), applied.join())
  const { rows } = await driver.query(
    `select state, isfinite(expires_at) as ends from ${schema}.tracked_item order by state`,
  )
  assert.deepEqual(rows, [
    { state: 'broken', ends: false },
    { state: 'succeeded', ends: true },
  ])
})
