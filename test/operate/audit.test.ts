import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { auditOf } from '../../src/operate/audit.ts'
import type { Json } from './browser.ts'
import { setupOperate } from './setup.ts'

test('the audit takes new lines only', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  const { driver, schema } = engineOf(node).database
  for (const statement of ['delete from', 'truncate', 'update'])
    await assert.rejects(
      driver.query(
        `${statement} "${schema}".operator_audit ${statement === 'update' ? `set name = 'x'` : ''}`,
      ),
      { code: 'CC030' },
      statement,
    )
  const { items } = await admin.json('GET', '/audit')
  assert.deepEqual(
    (items as Json[]).map(({ act, via, operator }) => [act, via, (operator as Json)['name']]),
    [
      ['sign-in', 'session', 'one-time link'],
      ['link.create', 'code', 'the node itself'],
    ],
  )
})

test('a page after the other shows each line once, while new ones come, and filters meet what they say', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  const { database } = engineOf(node)
  const write = auditOf(database)
  const authors = ['ada', 'bob'].map((name) => ({ operator: { id: `user:${name}`, name }, via: 'session' }))
  // many of one moment: places are equal then, and ids part them
  await database.driver.transaction(async (tx) => {
    for (let number = 0; number < 30; number += 1)
      await write(
        {
          act: number % 3 === 0 ? 'cancel' : 'requeue',
          subject: 'item',
          subjectId: `i-${number % 5}`,
          after: { number },
        },
        authors[number % 2]!,
        tx,
      )
  })
  const numbersOf = async (query: string) => {
    const numbers: unknown[] = []
    for (let path = `/audit?limit=4&${query}`; ;) {
      const { items, next } = await admin.json('GET', path)
      numbers.push(...(items as Json[]).map(({ after }) => (after as Json)['number']))
      if (next === undefined) return numbers
      await write({ act: 'note', subject: 'item', subjectId: 'late' }, authors[0]!)
      path = `/audit?limit=4&${query}&cursor=${next as string}`
    }
  }
  const all = Array.from({ length: 30 }, (_, at) => 29 - at)
  assert.deepEqual(
    await numbersOf('subject=item&act=cancel'),
    all.filter((number) => number % 3 === 0),
  )
  assert.deepEqual(
    await numbersOf('operator=user:bob&act=requeue'),
    all.filter((n) => n % 2 === 1 && n % 3 !== 0),
  )
  assert.deepEqual(
    await numbersOf('subject=item&subjectId=i-2'),
    all.filter((number) => number % 5 === 2),
  )
  const now = await node.now()
  assert.deepEqual(
    await numbersOf(`subjectId=i-2&to=${new Date(now.getTime() - 3_600_000).toISOString()}`),
    [],
  )
  const recent = `from=${new Date(now.getTime() - 3_600_000).toISOString()}&to=${new Date(now.getTime() + 60_000).toISOString()}`
  assert.equal((await numbersOf(`subjectId=i-2&${recent}`)).length, 6)
})

test('what an act had before and after it is kept whatever it holds, and large ones in part', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  const write = auditOf(engineOf(node).database)
  const author = { operator: { id: 'user:ada', name: 'a\0\u{d800}b' }, via: 'session' }
  const odd = { text: 'a\0\u{d800}"\\', list: [null, 1.5] }
  await write({ act: 'edit', subject: 'item', subjectId: '1\0', before: odd, reason: 'why\0' }, author)
  await write({ act: 'edit', subject: 'item', subjectId: '2', after: 'x'.repeat(1_500_000) }, author)
  const [large, small] = (await admin.json('GET', '/audit?act=edit'))['items'] as Json[]
  assert.deepEqual(small?.['before'], { text: 'a\0\u{d800}"\\', list: [null, 1.5] })
  assert.equal(small['reason'], 'why\u{fffd}')
  assert.deepEqual(large?.['after'], { leftOut: '1500002 characters, more than the audit keeps' })
})

test('the audit says what it can be filtered by: each act and kind once, and who was last', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const observer = await signedIn('observer')
  const { driver, schema } = engineOf(node).database
  const write = auditOf({ ...engineOf(node).database })
  const ada = { operator: { id: 'user:ada', name: 'Ada' }, via: 'session' }
  await write({ act: 'requeue', subject: 'item', subjectId: '1' }, ada)
  // of long ago, before more lines than are looked at
  await driver.query(
    `insert into "${schema}".operator_audit (at, operator, name, act, subject, subject_id, via)
    select now() - g * interval '1 second', case when g > 3000 then 'user:old' else 'user:bob' end, 'B' || (g > 1),
      case when g % 2 = 0 then 'cancel' else 'a.' || g % 300 end, 'item', g::text, 'session'
    from generate_series(1, 4000) as g`,
  )
  const { acts, subjects, operators } = await observer.json('GET', '/audit/choices')
  assert.equal((acts as string[]).length, 150 + ['cancel', 'link.create', 'requeue', 'sign-in'].length)
  assert.deepEqual(subjects, ['item', 'link', 'session'])
  const names = (operators as Json[]).map(({ id, name }) => `${String(id)} ${String(name)}`)
  assert.ok(names.includes('user:ada Ada'))
  assert.ok(!names.some((name) => name.startsWith('user:old')))
  assert.equal(names.filter((name) => name.startsWith('user:bob')).length, 1)
})
