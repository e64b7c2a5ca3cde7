import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { checkTx } from '../../src/base/tx-check.ts'
import type { Tx } from '../../src/base/tx.ts'
import type { TxDatabase } from './database.ts'
import { testEngineStatements } from './engine-statements.suite.ts'
import { awkward, testFaithfulness } from './faithfulness.suite.ts'
import type { TxSubject } from './subject.ts'

export interface TxSuite {
  readonly name: string
  readonly database: TxDatabase
  readonly subject: TxSubject
  /** The function that its raw transactions have to be wrapped by; undefined where they are a `Tx`. */
  readonly wrapper?: string
  /** Whether the library refuses statements after the end; some run them on their own. On unless set. */
  readonly refusesLate?: boolean
}

const rollback = new Error('roll back, please')

/** What a {@link Tx} does alike, whatever stands behind it. */
export function txSuite({ name, database, subject, wrapper, refusesLate = true }: TxSuite): void {
  describe(`a transaction of ${name}`, () => {
    beforeEach(() =>
      database.query('truncate employee, coatcheck.log, coatcheck.waiting_item, coatcheck.unique_key'),
    )
    after(() => subject.close())

    testEngineStatements(database, subject)
    testFaithfulness(subject)

    const count = async (table: string) =>
      (await database.query(`select count(*)::int as n from ${table}`))[0]?.['n']
    const enqueue = async (tx: Tx) => {
      await tx.query('insert into employee (id, full_name) values ($1, $2)', [42, awkward])
      const { rows } = await tx.query('select coatcheck.enqueue($1, $2, $3) as id', [
        'provision',
        '{"id":42}',
        'a',
      ])
      return rows[0].id as string
    }

    test('commits an item and a row of the application together', async () => {
      let id = ''
      await subject.transaction(async (tx) => {
        id = await enqueue(tx)
      })
      const log = await database.query('select flush, data from coatcheck.log')
      assert.deepEqual(log, [{ flush: id, data: '[{"d":"provision","k":"a","i":{"id":42}}]' }])
      assert.deepEqual(await database.query('select full_name from employee'), [{ full_name: awkward }])
    })

    test('takes both back with its rollback', async () => {
      const failed = subject.transaction(async (tx) => {
        await enqueue(tx)
        throw rollback
      })
      await assert.rejects(failed, rollback)
      assert.deepEqual([await count('coatcheck.log'), await count('employee')], [0, 0])
    })

    test('throws what the database says, with its SQLSTATE, and rolls back', async () => {
      const failed = subject.transaction(async (tx) => {
        await enqueue(tx)
        await tx.query("select coatcheck.enqueue('nobody', $1)", ['{}'])
      })
      await assert.rejects(failed, (error) => {
        assert.ok(error instanceof Error && 'code' in error && 'hint' in error)
        assert.equal(error.code, 'CC010')
        assert.match(error.message, /^coatcheck: there is no queue processor "nobody"$/)
        assert.match(String(error.hint), /select id from/)
        return true
      })
      assert.equal(await count('coatcheck.log'), 0)
    })

    test(
      'takes nothing when it is over',
      { skip: !refusesLate && `${name} does not know that it is` },
      async () => {
        let late: Tx | undefined
        await subject.transaction(async (tx) => {
          await tx.query('select 1')
          late = tx
        })
        await assert.rejects(async () => late?.query('insert into employee (id) values (1)'))
        assert.equal(await count('employee'), 0)
      },
    )

    test('is known by the engine', async () => {
      await subject.transaction(async (tx, raw) => {
        assert.deepEqual((await checkTx(tx).query('select $1::int as one', [1])).rows, [{ one: 1 }])
        if (wrapper === undefined) return void checkTx(raw)
        assert.throws(
          () => checkTx(raw),
          (error) =>
            isCoatcheckError(error, 'OPTION_INVALID') && error.message.includes(`wrap it: ${wrapper}(trx)`),
        )
      })
    })
  })
}
