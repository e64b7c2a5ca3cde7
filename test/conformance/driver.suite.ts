import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { type Driver, isAmbiguous, type Transaction } from '../../src/store/driver.ts'
import { statement } from '../../src/store/statement.ts'
import { promised } from '../store/until.ts'

export interface DriverSuite {
  readonly name: string
  /** Opens a driver on a database that nobody else uses. */
  readonly open: () => Promise<Driver>
  /** How many transactions it can have open at once. */
  readonly connections: number
}

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error, `no code: ${String(error)}`)
  assert.equal(error.code, code)
  return true
}

/** What every driver does alike. */
export function driverSuite({ name, open, connections }: DriverSuite): void {
  describe(`driver ${name}`, () => {
    let driver: Driver
    const one = { text: 'select 1 as one' }
    const works = async () => assert.deepEqual(await driver.run(one), [{ one: 1 }])
    const count = async (table: string) =>
      (await driver.run({ text: `select count(*)::int as n from ${table}` }))[0]?.['n']

    /** Opens as many transactions as there can be; the returned function ends them. */
    async function occupy(busy: Driver): Promise<() => Promise<void>> {
      const { promise: end, keep: endAll } = promised()
      const opened: Promise<void>[] = []
      const done = Array.from({ length: connections }, () => {
        const { promise, keep } = promised()
        opened.push(promise)
        return busy.transaction(async (tx) => {
          await tx.run(one)
          keep()
          await end
        })
      })
      await Promise.all(opened)
      return async () => {
        endAll()
        await Promise.all(done)
      }
    }

    before(async () => {
      driver = await open()
      await driver.script(`
        create table item (id int primary key, note text);
        create table counter (n int not null);
        insert into counter values (0);
        create table parent (id int primary key);
        create table child (parent int references parent deferrable initially deferred);
      `)
    })
    after(() => driver.close())

    describe('values', () => {
      test('our statements get small numbers and booleans as such, all else as text', async () => {
        const [row] = await driver.run({
          text: `select 1::int2 as a, 2::int4 as b, 1.5::float8 as c, true as d, false as e, null as f,
            9007199254740993::int8 as g, 1.50::numeric as h, '{"a": 1}'::jsonb as i, array[1, 2] as j,
            '2026-01-02 03:04:05+00'::timestamptz at time zone 'UTC' as k, 'infinity'::float8 as l`,
        })
        assert.deepEqual(row, {
          a: 1,
          b: 2,
          c: 1.5,
          d: true,
          e: false,
          f: null,
          g: '9007199254740993',
          h: '1.50',
          i: '{"a": 1}',
          j: '{1,2}',
          k: '2026-01-02 03:04:05',
          l: Infinity,
        })
      })

      test("users' statements get what pg gives", async () => {
        const { rows } = await driver.query(
          `select 9007199254740993::int8 as big, '{"a": 1}'::jsonb as json, '2026-01-02T03:04:05Z'::timestamptz as at,
            array[1, 2] as list, $1::text as text, $2::json as given`,
          ['x', { b: 2 }],
        )
        const at = new Date('2026-01-02T03:04:05Z')
        assert.deepEqual(rows, [
          { big: '9007199254740993', json: { a: 1 }, at, list: [1, 2], text: 'x', given: { b: 2 } },
        ])
      })

      test('parameters arrive as they are', async () => {
        const texts = ['plain', '', 'a"b', 'c\\d', 'e,f', '{}', 'NULL', 'ü 🎩', null]
        const at = new Date('2026-01-02T03:04:05.678Z')
        const [row] = await driver.run(
          {
            text: `select array_to_json($1::text[])::text as texts, array_length($1::text[], 1) as length, $2::jsonb as json,
              encode($3::bytea, 'hex') as bytes, $4::text as nothing, $5::int8 as big, $6::boolean as yes,
              $7::timestamptz = '2026-01-02T03:04:05.678Z' as same_time, array_to_json($8::int[][])::text as nested,
              encode(($9::bytea[])[1], 'hex') as bytes_in_array, $10::float8 as float, $11::text as missing`,
          },
          [
            texts,
            { a: ['b'] },
            Uint8Array.of(0, 255),
            null,
            2n ** 62n,
            true,
            at,
            [
              [1, 2],
              [3, 4],
            ],
            [Buffer.from('hi')],
            0.1,
            undefined,
          ],
        )
        assert.deepEqual(JSON.parse(String(row?.['texts'])), texts)
        assert.deepEqual(
          { ...row, texts: undefined },
          {
            texts: undefined,
            length: texts.length,
            json: '{"a": ["b"]}',
            bytes: '00ff',
            nothing: null,
            big: String(2n ** 62n),
            yes: true,
            same_time: true,
            nested: '[[1,2],[3,4]]',
            bytes_in_array: '6869',
            float: 0.1,
            missing: null,
          },
        )
      })

      test('a megabyte of text goes there and back', async () => {
        const text = 'Größe🎩'.repeat(130_000)
        assert.ok(Buffer.byteLength(text) > 1_000_000)
        const [row] = await driver.run({ text: 'select $1::text as text' }, [text])
        assert.equal(row?.['text'], text)
      })

      test('a NUL character is an error, and no more than that', async () => {
        await assert.rejects(
          driver.run({ text: 'select $1::text', name: 'nul' }, ['a\0b']),
          failsWith('22021'),
        )
        await assert.rejects(driver.query('select $1::text', ['a\0b']), failsWith('22021'))
        await works()
      })

      test('a value that cannot be sent is an error, and no more than that', async () => {
        const circle: unknown[] = []
        circle.push({ circle })
        await assert.rejects(driver.run({ text: 'select $1::json', name: 'circle' }, circle), TypeError)
        assert.deepEqual(await driver.run({ text: 'select $1::json', name: 'circle' }, [{}]), [
          { json: '{}' },
        ])
      })
    })

    describe('statements', () => {
      test("the server's errors keep their SQLSTATE and details", async () => {
        await driver.run({ text: 'insert into item values (1000)' })
        const twice = driver.run({ text: 'insert into item values (1000)' })
        await assert.rejects(twice, { code: '23505', constraint: 'item_pkey', table: 'item' })
        await assert.rejects(driver.query('select nope'), failsWith('42703'))
        await works()
      })

      test('a named statement is found again, and with other text refused', async () => {
        const named = { text: 'select $1::int + 1 as n', name: 'plus one' }
        assert.deepEqual(await driver.run(named, [1]), [{ n: 2 }])
        assert.deepEqual(await driver.run(named, [2]), [{ n: 3 }])
        const all = Array.from({ length: connections }, () =>
          driver.run({ text: 'select 3 as n', name: 'plus one' }),
        )
        // a connection that has not seen the name takes the other text for it
        for (const outcome of await Promise.allSettled(all))
          if (outcome.status === 'rejected') assert.match(String(outcome.reason), /two different statements/)
        await works()
      })

      test('a named statement lives through a change of its table', async () => {
        await driver.script('create table changed (a int); insert into changed values (1)')
        const named = { text: 'select * from changed', name: 'changed' }
        const runAll = () => Promise.all(Array.from({ length: connections * 2 }, () => driver.run(named)))
        await runAll()
        await driver.script('alter table changed add column b int')
        for (const rows of await runAll()) assert.deepEqual(rows, [{ a: 1, b: null }])
      })

      test('a named statement lives through DEALLOCATE', async () => {
        const named = { text: 'select 5 as five', name: 'five' }
        await driver.run(named)
        for (let turn = 0; turn < connections * 2; turn++) await driver.query('deallocate all')
        assert.deepEqual(await driver.run(named), [{ five: 5 }])
      })

      test('one statement of two schemas, or of two texts, has two names', () => {
        const select = statement('select-all', (schema) => `select * from ${schema}.item`)
        assert.equal(select('one').text, 'select * from "one".item')
        assert.equal(select('one'), select('one'))
        assert.notEqual(select('one').name, select('two').name)
        assert.ok((statement('x'.repeat(100), () => '')('one').name?.length ?? 99) < 64)
      })

      test('a script runs all its statements or none', async () => {
        const script = driver.script('insert into item values (1100); insert into item values (1101), (1101)')
        await assert.rejects(script, failsWith('23505'))
        assert.equal(await count('item where id between 1100 and 1199'), 0)
      })

      test('a transaction that a user left open is not inherited', async () => {
        await driver.query('begin; create table inherited (a int)')
        for (let turn = 0; turn < connections * 2; turn++)
          assert.deepEqual(await driver.run({ text: `select to_regclass('inherited') as found` }), [
            { found: null },
          ])
      })
    })

    describe('transactions', () => {
      test('commit what was done, and return what the work returns', async () => {
        const result = await driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values ($1)' }, [2000])
          await tx.query('insert into item values ($1)', [2001])
          return 'done'
        })
        assert.equal(result, 'done')
        assert.equal(await count('item where id in (2000, 2001)'), 2)
      })

      test('undo all when the work throws, and throw the same', async () => {
        const thrown = new Error('changed my mind')
        const run = driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (2100)' })
          throw thrown
        })
        await assert.rejects(run, (error) => error === thrown)
        assert.equal(await count('item where id = 2100'), 0)
      })

      test('do not commit after an error that the work swallowed, but throw it', async () => {
        const run = driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (2200)' })
          await tx.query('select nope').catch(() => {})
        })
        await assert.rejects(run, failsWith('42703'))
        assert.equal(await count('item where id = 2200'), 0)
      })

      test('are read committed and bounded in time', async () => {
        const options = { timeoutMs: 1000, lockTimeoutMs: 250, idleTimeoutMs: 700 }
        const [row] = await driver.transaction(
          (tx) =>
            tx.run({
              text: `select current_setting('transaction_isolation') as isolation, current_setting('lock_timeout') as lock,
                current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle`,
            }),
          options,
        )
        assert.deepEqual(row, {
          isolation: 'read committed',
          lock: '250ms',
          statement: '900ms',
          idle: '1200ms',
        })
        assert.deepEqual(await driver.run({ text: `select current_setting('lock_timeout') as lock` }), [
          { lock: '0' },
        ])
      })

      test('at the same time lose no update', async () => {
        const increments = Array.from({ length: 20 }, () =>
          driver.transaction(async (tx) => {
            const [row] = await tx.run({ text: 'select n from counter for update' })
            await tx.run({ text: 'update counter set n = $1' }, [Number(row?.['n']) + 1])
          }),
        )
        await Promise.all(increments)
        assert.deepEqual(await driver.run({ text: 'select n from counter' }), [{ n: 20 }])
      })

      test('run calls made at once one after the other', async () => {
        const warnings: Error[] = []
        const warn = (warning: Error) => warnings.push(warning)
        process.on('warning', warn)
        const rows = await driver.transaction((tx) =>
          Promise.all(
            [1, 2, 3, 4].map((n) => tx.run({ text: 'select $1::int as n, txid_current() as id' }, [n])),
          ),
        )
        process.off('warning', warn)
        assert.deepEqual(
          rows.map(([row]) => row?.['n']),
          [1, 2, 3, 4],
        )
        assert.equal(new Set(rows.map(([row]) => row?.['id'])).size, 1)
        // pg takes them too, but says that it soon will not
        assert.deepEqual(warnings, [])
      })

      test('take nothing more once they are over', async () => {
        let kept: Transaction | undefined
        await driver.transaction(async (tx) => {
          kept = tx
        })
        await assert.rejects(kept!.run(one), failsWith('TRANSACTION_OVER'))
        await assert.rejects(kept!.query('select 1'), failsWith('TRANSACTION_OVER'))
        await assert.rejects(kept!.runAndCommit(one), failsWith('TRANSACTION_OVER'))
      })

      test('that sit idle are undone, and free their connection', async () => {
        let kept: Transaction | undefined
        const never = new Promise<void>(() => {})
        const idle = Array.from({ length: connections + 1 }, (_, index) =>
          driver.transaction(
            async (tx) => {
              kept = tx
              await tx.run({ text: 'insert into item values ($1)' }, [2300 + index])
              await never
            },
            { idleTimeoutMs: 50 },
          ),
        )
        for (const outcome of await Promise.allSettled(idle))
          failsWith('DATABASE_TIMEOUT')(outcome.status === 'rejected' && outcome.reason)
        await assert.rejects(kept!.run(one), failsWith('DATABASE_TIMEOUT'))
        assert.equal(await count('item where id between 2300 and 2399'), 0)
      })
    })

    describe('runAndCommit', () => {
      test('commits, and returns the rows', async () => {
        const rows = await driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (3000)' })
          const returned = await tx.runAndCommit(
            { text: 'insert into item values ($1) returning id', name: 'last' },
            [3001],
          )
          await assert.rejects(tx.run(one), failsWith('TRANSACTION_OVER'))
          return returned
        })
        assert.deepEqual(rows, [{ id: 3001 }])
        assert.equal(await count('item where id in (3000, 3001)'), 2)
      })

      test('commits nothing when its statement fails', async () => {
        const run = driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (3100)' })
          await tx.runAndCommit({ text: 'insert into item values (3100)' })
        })
        await assert.rejects(run, failsWith('23505'))
        assert.equal(await count('item where id = 3100'), 0)
        await works()
      })

      test('commits nothing when its statement cannot be sent', async () => {
        const circle: unknown[] = []
        circle.push({ circle })
        const run = driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (3200)' })
          await tx.runAndCommit({ text: 'select $1::json' }, circle)
        })
        await assert.rejects(run, TypeError)
        assert.equal(await count('item where id = 3200'), 0)
      })

      test('commits nothing after an error that was swallowed', async () => {
        const run = driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (3300)' })
          await tx.run({ text: 'select nope' }).catch(() => {})
          await tx.runAndCommit({ text: 'insert into item values (3301)' })
        })
        await assert.rejects(run, failsWith('25P02'))
        assert.equal(await count('item where id in (3300, 3301)'), 0)
      })

      test('throws what the COMMIT itself throws', async () => {
        const run = driver.transaction((tx) => tx.runAndCommit({ text: 'insert into child values (1)' }))
        await assert.rejects(run, (error) => failsWith('23503')(error) && !isAmbiguous(error))
        const later = driver.transaction((tx) => tx.run({ text: 'insert into child values (1)' }))
        await assert.rejects(later, failsWith('23503'))
        assert.equal(await count('child'), 0)
        await works()
      })

      test('is over after its error, whatever the work makes of it', async () => {
        const outcome = await driver.transaction(async (tx) => {
          await tx.run({ text: 'insert into item values (3400)' })
          await assert.rejects(tx.runAndCommit({ text: 'select nope' }), failsWith('42703'))
          await assert.rejects(tx.run(one), failsWith('TRANSACTION_OVER'))
          return 'told otherwise'
        })
        assert.equal(outcome, 'told otherwise')
        assert.equal(await count('item where id = 3400'), 0)
      })
    })

    describe('deadlines', () => {
      test('hold for the wait in line', async () => {
        const free = await occupy(driver)
        const waiting = driver.run(one, [], { timeoutMs: 50 })
        await assert.rejects(waiting, (error) => failsWith('DATABASE_TIMEOUT')(error) && !isAmbiguous(error))
        const transaction = driver.transaction(() => Promise.resolve(), { timeoutMs: 50 })
        await assert.rejects(transaction, failsWith('DATABASE_TIMEOUT'))
        const soon = driver.run(one, [], { timeoutMs: 600_000, connectMs: 50 })
        await assert.rejects(soon, (error) => failsWith('DATABASE_TIMEOUT')(error) && !isAmbiguous(error))
        await free()
        const slow = { text: 'select 1 as one from pg_sleep(0.2)' }
        assert.deepEqual(await driver.run(slow, [], { connectMs: 100 }), [{ one: 1 }])
        await works()
      })
    })

    describe('notifications', () => {
      test('arrive after the commit, until one stops listening', async () => {
        const heard: string[] = []
        let next = promised()
        const stop = await driver.listen('some Channel', (payload) => {
          heard.push(payload)
          next.keep()
        })
        assert.ok(stop)
        const undone = driver.transaction(async (tx) => {
          await tx.query(`notify "some Channel", 'undone'`)
          throw new Error('undo')
        })
        await assert.rejects(undone, /undo/)
        await driver.transaction((tx) => tx.query(`notify "some Channel", 'first'`))
        await next.promise
        assert.deepEqual(heard, ['first'])
        // the notification after it proves that none came in between
        next = promised()
        const stopOther = await driver.listen('other', () => next.keep())
        await stop()
        await stop()
        await driver.query(`notify "some Channel", 'late'`)
        await driver.query('notify other')
        await next.promise
        assert.deepEqual(heard, ['first'])
        await stopOther?.()
      })

      test('may have several listeners, one of whom throws', async () => {
        const { promise, keep } = promised<string>()
        const stopThrowing = await driver.listen('several', () => {
          throw new Error('a listener of the test')
        })
        const stopListening = await driver.listen('several', keep)
        await driver.query(`notify several, 'both'`)
        assert.equal(await promise, 'both')
        await stopThrowing?.()
        await stopListening?.()
      })
    })

    describe('closing', () => {
      test('waits for what runs, and refuses what comes then', async () => {
        const own = await open()
        const { promise: begun, keep: begin } = promised()
        const { promise: goOn, keep: go } = promised()
        const run = own.transaction(async (tx) => {
          begin()
          await goOn
          return tx.run(one)
        })
        await begun
        let closed = false
        const closing = own.close().then(() => {
          closed = true
        })
        await assert.rejects(own.run(one), failsWith('DATABASE_CLOSED'))
        await assert.rejects(
          own.listen('late', () => {}),
          (error) => isCoatcheckError(error, 'DATABASE_CLOSED'),
        )
        assert.equal(closed, false)
        go()
        assert.deepEqual(await run, [{ one: 1 }])
        await closing
        await own.close()
      })

      test('waits for those who wait in line', async () => {
        const own = await open()
        const free = await occupy(own)
        const waiting = own.run(one, [], { timeoutMs: 2000 })
        const closing = own.close()
        await free()
        assert.deepEqual(await waiting, [{ one: 1 }])
        await closing
      })
    })
  })
}
