import assert from 'node:assert/strict'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import type { Driver } from '../../src/store/driver.ts'
import { inMemory, openPgliteDriver } from '../../src/store/pglite-driver.ts'
import { testDatabase } from '../databases.ts'
import { startChild } from './child.ts'
import { promised } from './until.ts'

const userFile = new URL('./embedded-user.ts', import.meta.url)

const skip = testDatabase().kind === 'pglite' ? false : 'these are about the embedded database'
const one = { text: 'select 1 as one', name: 'one' }

async function freshDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-pglite-'))
  t.after(() => rm(directory, { recursive: true }))
  return join(directory, 'data')
}

describe('one connection', { skip }, () => {
  let driver: Driver
  const refused = (error: unknown) => {
    assert.ok(isCoatcheckError(error, 'WOULD_WAIT_FOR_ITSELF'), String(error))
    assert.match(error.message, /use the tx/)
    return true
  }
  before(async () => {
    driver = await openPgliteDriver(inMemory)
  })
  after(() => driver.close())

  test('a call that would wait for the transaction it is made in is refused', async () => {
    const calls: (() => Promise<unknown>)[] = [
      () => driver.run(one),
      () => driver.query('select 1'),
      () => driver.transaction(() => Promise.resolve()),
      () => driver.script('select 1'),
      () => driver.listen('x', () => {}),
    ]
    for (const call of calls) {
      await assert.rejects(driver.transaction(call), refused)
      await assert.rejects(
        driver.transaction(async () => {
          // however far away it is made
          await new Promise((resolve) => setTimeout(resolve))
          await Promise.all([Promise.resolve(), call()])
        }),
        refused,
      )
    }
    assert.deepEqual(await driver.run(one), [{ one: 1 }])
  })

  test('what a transaction left running may call once it is over', async () => {
    const { promise: over, keep: end } = promised()
    let later: Promise<unknown> = Promise.resolve()
    await driver.transaction(async () => {
      later = over.then(() => driver.run(one))
    })
    end()
    assert.deepEqual(await later, [{ one: 1 }])
  })

  test('who is not in a transaction waits for it', async () => {
    const { promise: begun, keep: begin } = promised()
    const { promise: goOn, keep: go } = promised()
    const order: string[] = []
    const transaction = driver.transaction(async (tx) => {
      begin()
      await goOn
      await tx.run(one)
      order.push('transaction')
    })
    await begun
    const call = driver.run(one).then(() => order.push('call'))
    go()
    await Promise.all([transaction, call])
    assert.deepEqual(order, ['transaction', 'call'])
  })

  test('a chain of calls lets timers have their turn', async () => {
    const { promise: rang, keep: ring } = promised()
    let ringing = false
    setTimeout(() => {
      ringing = true
      ring()
    }, 5)
    let calls = 0
    while (!ringing && calls < 5000) {
      await driver.run(one)
      calls++
    }
    await rang
    assert.ok(calls < 5000)
  })

  test('a listener hears again after the session was made new', async () => {
    const { promise, keep } = promised<string>()
    const stop = await driver.listen('after', keep)
    const never = new Promise<void>(() => {})
    await assert.rejects(
      driver.transaction(() => never, { idleTimeoutMs: 20 }),
      { code: 'DATABASE_TIMEOUT' },
    )
    await driver.query(`notify after, 'heard'`)
    assert.equal(await promise, 'heard')
    await stop?.()
  })
})

test('drivers of one directory share it, whichever copy of the package opens it', { skip }, async (t) => {
  const directory = await freshDirectory(t)
  const [first, second] = await Promise.all([openPgliteDriver(directory), openPgliteDriver(directory)])
  await first.script('create table kept (a int); insert into kept values (1)')
  const copy = (await import(new URL('../../src/store/pglite-driver.ts?copy', import.meta.url).href)) as {
    openPgliteDriver: typeof openPgliteDriver
  }
  assert.notEqual(copy.openPgliteDriver, openPgliteDriver)
  const link = `${directory}-link`
  await symlink(directory, link)
  const third = await copy.openPgliteDriver(link)
  const read = { text: 'select a from kept', name: 'read' }
  assert.deepEqual(await third.run(read), [{ a: 1 }])
  await assert.rejects(
    first.transaction(() => third.run(read)),
    (error) => isCoatcheckError(error, 'WOULD_WAIT_FOR_ITSELF'),
  )
  await first.close()
  await second.close()
  assert.deepEqual(await third.run(read), [{ a: 1 }])
  // the last one closes the database; who opens it meanwhile waits for that
  const closing = third.close()
  const again = await openPgliteDriver(directory)
  await closing
  assert.deepEqual(await again.run(read), [{ a: 1 }])
  await again.close()
})

test('a second process is refused; after a kill -9 it gets the data', { skip }, async (t) => {
  const directory = await freshDirectory(t)
  const holder = startChild(t, userFile, [
    directory,
    'create table kept (a int); insert into kept values (1) returning a',
  ])
  assert.equal(await holder.line(), '[{"a":1}]')
  const read = 'select a from kept'
  const second = startChild(t, userFile, [directory, read])
  const sentence = await second.line()
  assert.match(sentence, /^DATABASE_LOCKED The embedded database in .* is in use by process \d+/)
  assert.ok(sentence.includes(directory) && sentence.includes(`process ${holder.pid} on`))
  await holder.kill()
  const driver = await openPgliteDriver(directory)
  assert.deepEqual((await driver.query(read)).rows, [{ a: 1 }])
  await driver.close()
})

test('without its package the embedded database says how to get it', { skip }, async (t) => {
  const hook = new URL('without-pglite.ts', import.meta.url).href
  const directory = await freshDirectory(t)
  const child = startChild(t, userFile, [directory, 'select 1'], ['--import', hook])
  assert.match(await child.line(), /^EMBEDDED_MISSING .*npm install @electric-sql\/pglite/)
})
