import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { TxDatabase } from './database.ts'
import { awkward } from './faithfulness.suite.ts'
import type { TxSubject } from './subject.ts'

/** The three statements that accepting with `{ tx }` sends, and what they leave behind. */
export function testEngineStatements(database: TxDatabase, subject: TxSubject): void {
  test('takes the statements that the engine sends', async () => {
    const flushes = [randomUUID(), randomUUID()]
    const [delayed, unique, uniqueFlush] = [randomUUID(), randomUUID(), randomUUID()]
    const texts = ['[1]', `[${JSON.stringify(awkward)},null]`]
    await subject.transaction(async (tx) => {
      const appended = await tx.query(
        'select coatcheck.append($1::int[], $2::int[], $3::int[], $4::uuid[], $5::int[], $6::text[], $7::float8) as clock',
        [[1, 1], [0, 1], [1, 1], flushes, [1, 2], texts, null],
      )
      assert.equal(typeof appended.rows[0].clock, 'number')
      const item = {
        id: delayed,
        queue: 1,
        partition: 0,
        definition: 'provision',
        scope: 'provision',
        key: awkward,
        state: 'scheduled',
        moves: true,
        delay_ms: 5000,
        entry: texts[0],
      }
      await tx.query('select coatcheck.put_waiting($1::text::json)::text as done', [JSON.stringify([item])])
      const rows = [{ queue: 1, partition: 0, generation: 1, flush: uniqueFlush }]
      const items = [{ row: 1, id: unique, scope: 'provision', key: awkward, entry: '7', kept_ms: 1000 }]
      const answer = await tx.query(
        'select ids::text as ids, clock from coatcheck.append_unique($1::text::json, $2::text::json, $3::float8, $4)',
        [JSON.stringify(rows), JSON.stringify(items), null, false],
      )
      assert.deepEqual(JSON.parse(answer.rows[0].ids), [unique])
      assert.equal(typeof answer.rows[0].clock, 'number')
    })
    const log = await database.query('select flush, n, data from coatcheck.log order by n, data')
    assert.deepEqual(log, [
      { flush: flushes[0], n: 1, data: texts[0] },
      { flush: uniqueFlush, n: 1, data: '[7]' },
      { flush: flushes[1], n: 2, data: texts[1] },
    ])
    assert.deepEqual(await database.query('select id, key from coatcheck.waiting_item'), [
      { id: delayed, key: awkward },
    ])
  })
}
