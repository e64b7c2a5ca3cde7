import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { type Driver, isAmbiguous } from '../../src/store/driver.ts'
import { createPgDriver, type PgDriverOptions } from '../../src/store/pg-driver.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { promised, until } from './until.ts'

const skip = testDatabase().kind === 'postgres' ? false : 'these are about a server and the network before it'
const database = skip ? '' : await freshDatabase()
const one = { text: 'select 1 as one', name: 'one' }

function openDriver(t: TestContext, options: Partial<PgDriverOptions> = {}): Driver {
  const driver = createPgDriver({ database, max: 3, ...options })
  t.after(() => driver.close())
  return driver
}

async function openProxy(t: TestContext): Promise<{ proxy: TcpProxy; url: string }> {
  const url = new URL(database)
  const proxy = await startTcpProxy(url.hostname, Number(url.port || 5432))
  t.after(() => proxy.close())
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  return { proxy, url: url.href }
}

const unreachable = (ambiguous: boolean) => (error: unknown) => {
  assert.ok(isCoatcheckError(error, 'DATABASE_UNREACHABLE'), String(error))
  assert.equal(isAmbiguous(error), ambiguous)
  assert.ok(error.cause instanceof Error)
  return true
}

const timedOut = (ambiguous: boolean) => (error: unknown) => {
  assert.ok(isCoatcheckError(error, 'DATABASE_TIMEOUT'), String(error))
  assert.equal(isAmbiguous(error), ambiguous)
  return true
}

/** Backends of the test's database other than the asker's that are in the state and run something like the text. */
async function backends(observer: Driver, state: string, text: string): Promise<number> {
  const [row] = await observer.run(
    {
      text: `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state = $1 and query like $2`,
    },
    [state, text],
  )
  return Number(row?.['n'])
}

test('a server that is not there is told at once', { skip }, async (t) => {
  const driver = openDriver(t, { database: 'postgres://postgres@127.0.0.1:1/postgres' })
  const start = performance.now()
  await assert.rejects(driver.run(one), unreachable(false))
  await assert.rejects(driver.query('select 1'), unreachable(false))
  await assert.rejects(
    driver.transaction(() => Promise.resolve()),
    unreachable(false),
  )
  // the deadline of each is 6 s
  assert.ok(performance.now() - start < 5000)
})

test('a database that is not there says which', { skip }, async (t) => {
  const url = new URL(database)
  url.pathname = '/no_such_database'
  await assert.rejects(openDriver(t, { database: url.href }).run(one), /"no_such_database" does not exist/)
})

test('when all connections are ended mid-use the calls fail, and the next one works', { skip }, async (t) => {
  const observer = openDriver(t, { max: 1 })
  const driver = openDriver(t)
  const { promise: idle, keep: becomeIdle } = promised()
  const { promise: goOn, keep: go } = promised()
  const calls = [
    driver.run({ text: 'select pg_sleep(30)' }, [], { timeoutMs: 20_000 }),
    driver.query('select pg_sleep(30)'),
    driver.transaction(async (tx) => {
      await tx.run(one)
      becomeIdle()
      await goOn
      await tx.run(one)
    }),
  ]
  const outcomes = Promise.allSettled(calls)
  await idle
  await until('both sleep', async () => (await backends(observer, 'active', '%pg_sleep%')) === 2)
  await observer.run({
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  })
  go()
  const [run, query, transaction] = (await outcomes).map(
    (outcome) => outcome.status === 'rejected' && outcome.reason,
  )
  unreachable(true)(run)
  unreachable(true)(query)
  unreachable(false)(transaction)
  assert.deepEqual(await driver.run(one), [{ one: 1 }])
  assert.equal(await driver.transaction(async (tx) => (await tx.run(one)).length), 1)
})

test('idle connections that are ended are replaced', { skip }, async (t) => {
  const observer = openDriver(t, { max: 1 })
  const driver = openDriver(t)
  for (let turn = 0; turn < 5; turn++) {
    await Promise.all([driver.run(one), driver.run(one), driver.run(one)])
    await observer.run({
      text: 'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    })
    await until('all are gone', async () => (await backends(observer, 'idle', '%')) === 0)
    // the news of their end lies in their sockets by now, which are read once before the loop comes round again
    await setImmediate()
    await setImmediate()
    assert.deepEqual(await driver.run(one), [{ one: 1 }])
  }
})

test(
  'a half-open connection ends by the deadline, and after healing the next call works',
  { skip },
  async (t) => {
    const { proxy, url } = await openProxy(t)
    const driver = openDriver(t, { database: url })
    await Promise.all([driver.run(one), driver.run(one)])
    proxy.swallow('all')
    await assert.rejects(driver.run(one, [], { timeoutMs: 100 }), timedOut(true))
    await assert.rejects(
      driver.transaction(() => Promise.resolve(), { timeoutMs: 100 }),
      timedOut(false),
    )
    // new connections get no answer either, and nothing was sent on one that never came up
    await assert.rejects(driver.run(one, [], { timeoutMs: 100 }), timedOut(false))
    proxy.heal()
    assert.deepEqual(await driver.run(one), [{ one: 1 }])
    assert.equal(await driver.transaction(async (tx) => (await tx.run(one)).length), 1)
  },
)

for (const how of ['runAndCommit', 'commit'] as const)
  test(`a ${how} whose answer is lost is ambiguous`, { skip }, async (t) => {
    const observer = openDriver(t)
    await observer.script(`create table if not exists ambiguous (a text)`)
    const { proxy, url } = await openProxy(t)
    const driver = openDriver(t, { database: url })
    const insert = { text: 'insert into ambiguous values ($1)' }
    const isThere = async (text: string) =>
      (await observer.run({ text: 'select 1 from ambiguous where a = $1' }, [text])).length > 0
    const begin = (text: string, timeoutMs: number) =>
      driver.transaction(
        async (tx) => {
          if (how === 'commit') await tx.run(insert, [text])
          else await tx.run(one)
          proxy.swallow('answers')
          if (how === 'runAndCommit') await tx.runAndCommit(insert, [text])
        },
        { timeoutMs },
      )

    const lost = assert.rejects(begin(`${how} lost`, 5000), unreachable(true))
    await until('it is committed', () => isThere(`${how} lost`))
    proxy.reset()
    await lost

    proxy.heal()
    await assert.rejects(begin(`${how} late`, 200), timedOut(true))
    await until('it is committed', () => isThere(`${how} late`))
  })

test('what runs into its deadline is cancelled on the server as well', { skip }, async (t) => {
  const observer = openDriver(t, { max: 1 })
  const driver = openDriver(t)
  await assert.rejects(driver.run({ text: 'select pg_sleep(30)' }, [], { timeoutMs: 100 }), timedOut(true))
  await until('nobody sleeps', async () => (await backends(observer, 'active', '%pg_sleep%')) === 0)
})

test('in a transaction the server gives up first, and keeps the connection', { skip }, async (t) => {
  const driver = openDriver(t, { max: 1 })
  const pid = async () => (await driver.run({ text: 'select pg_backend_pid() as pid' }))[0]?.['pid']
  const before = await pid()
  const sleeping = driver.transaction((tx) => tx.run({ text: 'select pg_sleep(30)' }), { timeoutMs: 500 })
  await assert.rejects(sleeping, timedOut(false))
  assert.equal(await pid(), before)
})

test('a transaction that is undone keeps its connection', { skip }, async (t) => {
  const driver = openDriver(t, { max: 1 })
  const pid = async () => (await driver.run({ text: 'select pg_backend_pid() as pid' }))[0]?.['pid']
  const before = await pid()
  await assert.rejects(
    driver.transaction((tx) => tx.query('select nope')),
    { code: '42703' },
  )
  await assert.rejects(
    driver.transaction((tx) => tx.runAndCommit({ text: 'select nope' })),
    { code: '42703' },
  )
  await assert.rejects(driver.query('select nope'), { code: '42703' })
  assert.equal(await pid(), before)
})

test('who waits for a connection is not held up by one that died in silence', { skip }, async (t) => {
  const { proxy, url } = await openProxy(t)
  const driver = openDriver(t, { database: url, max: 1 })
  const never = new Promise<void>(() => {})
  const { promise: dead, keep: die } = promised()
  const idle = driver.transaction(
    async () => {
      proxy.swallow('all')
      proxy.heal()
      die()
      await never
    },
    { idleTimeoutMs: 100 },
  )
  await dead
  const waiting = driver.run(one, [], { timeoutMs: 3000 })
  await assert.rejects(idle, timedOut(false))
  assert.deepEqual(await waiting, [{ one: 1 }])
})

test('a lock is not waited for longer than asked', { skip }, async (t) => {
  const driver = openDriver(t)
  await driver.script('create table locked (a int)')
  await driver.transaction(async (tx) => {
    await tx.query('lock table locked')
    const waiting = driver.transaction((other) => other.query('select * from locked'), { lockTimeoutMs: 50 })
    await assert.rejects(waiting, { code: '55P03' })
  })
})

test('a statement with a name is prepared, unless that is switched off', { skip }, async (t) => {
  const named = { text: 'select count(*)::int as n from pg_prepared_statements', name: 'count-prepared' }
  const prepared = openDriver(t, { max: 1 })
  assert.deepEqual(await prepared.run(named), [{ n: 1 }])
  const pooled = openDriver(t, { max: 1, preparedStatements: false })
  assert.deepEqual(await pooled.run(named), [{ n: 0 }])
  assert.equal(await pooled.listen('x', () => {}), undefined)
})

test('a listener comes back after its connection was ended', { skip }, async (t) => {
  const driver = openDriver(t)
  let heard = 0
  const stop = await driver.listen('again', () => heard++)
  await driver.query('notify again')
  await until('it hears', () => heard > 0)
  await driver.run({
    text: 'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  })
  heard = 0
  await until('it hears again', async () => {
    await driver.query('notify again')
    return heard > 0
  })
  await stop?.()
})

test('a listener starts without a server, and hears once there is one', { skip }, async (t) => {
  const { proxy, url } = await openProxy(t)
  proxy.swallow('all')
  const driver = openDriver(t, { database: url })
  let heard = 0
  const listening = driver.listen('later', () => heard++)
  await until('it tried', () => proxy.connections() > 0)
  proxy.heal()
  proxy.reset()
  const stop = await listening
  await until('it hears', async () => {
    await driver.query('notify later')
    return heard > 0
  })
  await stop?.()
})

test(
  'a listener whose connection falls silent as it begins holds up neither listening nor closing',
  { skip },
  async (t) => {
    const { proxy, url } = await openProxy(t)
    const driver = openDriver(t, { database: url })
    proxy.holdFrom('listen "silent"')
    const stop = await driver.listen('silent', () => {})
    assert.ok(stop)
    await driver.close()
  },
)

test("a user's pool is used, and stays open", { skip }, async (t) => {
  const pool = new pg.Pool({ connectionString: database, max: 2 })
  t.after(() => pool.end())
  const driver = openDriver(t, { database: pool })
  assert.deepEqual(await driver.run(one), [{ one: 1 }])
  let heard = 0
  const stop = await driver.listen('pool', () => heard++)
  assert.equal(await driver.transaction(async (tx) => (await tx.runAndCommit(one)).length), 1)
  await pool.query('notify pool')
  await until('it hears', () => heard > 0)
  await stop?.()
  await driver.close()
  assert.equal((await pool.query('select 1')).rowCount, 1)
})

test("a user's pool in pipeline mode is refused", { skip }, async (t) => {
  const pool = new pg.Pool({ connectionString: database, pipeline: true })
  t.after(() => pool.end())
  assert.throws(
    () => createPgDriver({ database: pool }),
    (error) => isCoatcheckError(error, 'CONFIG_INVALID'),
  )
})

test('a busy event loop is not taken for a silent server', { skip }, async (t) => {
  const driver = openDriver(t)
  await driver.run(one)
  const call = driver.run(one, [], { timeoutMs: 50 })
  // sent, and answered while nobody looks
  await setImmediate()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  assert.deepEqual(await call, [{ one: 1 }])
})
