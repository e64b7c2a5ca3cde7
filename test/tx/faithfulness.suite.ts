import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TxSubject } from './subject.ts'

/** All that somebody might take for a parameter, a quote or an escape. */
export const awkward = `? ?? \\? $1 $2::int :name ' '' " \`ü 😀\n\\ {"a":1} -- /* %s`

/** Statements and values arrive as they were given, and mean what they mean to `pg`. */
export function testFaithfulness(subject: TxSubject): void {
  const read = async (text: string, values?: unknown[]) => {
    let rows: Record<string, unknown>[] = []
    await subject.transaction(async (tx) => {
      ;({ rows } = await tx.query(text, values))
    })
    return rows
  }

  test('takes values as pg takes them', async () => {
    const at = new Date('2026-03-04T05:06:07.089Z')
    const rows = await read(
      `select $1::text is null as nothing, $2::boolean as yes, $3::int as number, $4::float8 as fraction,
         coatcheck.epoch_ms($5::timestamptz) as at, ($6::jsonb ->> 'a') as member, $7::text as text, $8::text[] as texts,
         $9::int8::text as large, encode($10::bytea, 'hex') as bytes, coatcheck.epoch_ms(($11::timestamptz[])[1]) as first`,
      [
        null,
        true,
        7,
        1.5,
        at,
        JSON.stringify({ a: awkward }),
        awkward,
        [awkward, '', null, 'NULL'],
        2n ** 60n,
        Buffer.from([0, 255]),
        [at],
      ],
    )
    assert.deepEqual(rows, [
      {
        nothing: true,
        yes: true,
        number: 7,
        fraction: 1.5,
        at: at.getTime(),
        member: awkward,
        text: awkward,
        texts: [awkward, '', null, 'NULL'],
        large: '1152921504606846976',
        bytes: '00ff',
        first: at.getTime(),
      },
    ])
  })

  test('leaves a moment what it is, whatever the time zone of the session', async () => {
    const at = new Date('2026-03-04T05:06:07.089Z')
    await subject.transaction(async (tx) => {
      await tx.query("set local time zone 'Asia/Tokyo'")
      const { rows } = await tx.query('select coatcheck.epoch_ms($1::timestamptz) as at', [at])
      assert.equal(rows[0].at, at.getTime())
    })
  })

  test('leaves the text of a statement as it is', async () => {
    const text = `
      select $2::text as second, $1::text || $2 as both, -- is $3 here? :no
        '{"a":1}'::jsonb ? 'a' as "has?", '{"a":1}'::jsonb ?| array['b', $1] as any_of, '?' || '??' || ':name' || '$9' as marks,
        'a?' ~ 'a\\?' as escaped, $$ ? $5 $$ as dollars /* ?? */`
    assert.deepEqual(await read(text, ['a', 'ü']), [
      {
        second: 'ü',
        both: 'aü',
        'has?': true,
        any_of: true,
        marks: '?' + '??:name$9',
        escaped: true,
        dollars: ' ? $5 ',
      },
    ])
  })

  test('answers no rows where there are none', async () => {
    assert.deepEqual(await read('insert into employee (id) values (1)'), [])
    assert.deepEqual(await read('update employee set full_name = $1 where id = $2', [null, 1]), [])
    assert.deepEqual(await read('select id from employee where full_name is not null'), [])
    assert.deepEqual(await read('set local lock_timeout = 1000'), [])
  })
}
