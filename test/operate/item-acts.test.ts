import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/engine/prepare.ts'
import { auditOf, pay, setupItems, tell } from './item-setup.ts'

test(
  'each act asks once, is done, and stands in the audit with who, why and what changed',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupItems(t)
    const id = await node.enqueue(pay, { employee: 'ada', what: 'reject', ssn: '123-45-6789' })
    await node.drain()
    const edited = await ask('operator', `/items/${id}/acts`, {
      act: 'edit',
      input: { employee: 'ada', ssn: '•••' },
      reason: 'wrong bank',
    })
    assert.deepEqual([edited.status, edited.body['verdict'], edited.body['kind']], [200, 'applied', 'edit'])
    // What the operator was not shown stays as it is.
    assert.deepEqual((await node.item(id))?.input, { employee: 'ada', ssn: '123-45-6789' })
    const requeued = await ask('operator', `/items/${id}/acts`, { act: 'requeue', reason: 'again' })
    assert.equal(requeued.body['verdict'], 'applied')
    await node.drain()
    assert.equal((await node.item(id))?.state, 'succeeded')
    const [line] = await auditOf(ask, 'edit')
    const { before, after, reason, subject, subjectId, operator } = line as {
      before: { state: string; attempts: number; inputDigest: string }
      after: { verdict: string; inputDigest: string; changes: unknown; secretChanged: boolean }
      reason: string
      subject: string
      subjectId: string
      operator: { name: string }
    }
    assert.deepEqual([reason, subject, subjectId, operator.name], ['wrong bank', 'item', id, 'operator'])
    assert.deepEqual([before.state, before.attempts, after.verdict], ['broken', 1, 'applied'])
    assert.notEqual(before.inputDigest, after.inputDigest)
    assert.deepEqual(after.changes, [{ pointer: '/what', before: 'reject' }])
    assert.equal(after.secretChanged, false)
    // What is secret can not be found out by trying which digest a guess has.
    assert.equal(after.inputDigest, digestOf({ employee: 'ada', ssn: '•••' }))
    assert.equal((await auditOf(ask, 'requeue'))[0]?.['reason'], 'again')
    const clone = await ask('operator', `/items/${id}/acts`, {
      act: 'clone',
      input: { employee: 'ada', ssn: '987654321' },
    })
    assert.equal(clone.status, 200)
    await node.drain()
    assert.deepEqual((await node.item(String(clone.body['id'])))?.input, {
      employee: 'ada',
      ssn: '987654321',
    })
    const [cloned] = await auditOf(ask, 'clone')
    assert.deepEqual((cloned!['after'] as { clone: string }).clone, clone.body['id'])
    assert.doesNotMatch(JSON.stringify(await auditOf(ask, 'edit')) + JSON.stringify(cloned), /6789|987654/)
  },
)

test('an act and the line that it was asked for commit together', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupItems(t)
  const id = await node.enqueue(tell, { text: 'later' }, { delay: '1 day' })
  const { schema } = node.place
  const actsOf = async () =>
    (await node.query(`select id from ${schema}.act where item = $1`, [id])).rows.map((row) => row['id'])
  await node.query(
    `create function ${schema}.no_line() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$`,
  )
  await node.query(
    `create trigger no_line before insert on ${schema}.operator_audit for each row when (new.subject = 'item') execute function ${schema}.no_line()`,
  )
  for (const act of ['cancel', 'clone'])
    assert.equal((await ask('operator', `/items/${id}/acts`, { act })).status, 500, act)
  assert.deepEqual(await actsOf(), [])
  assert.equal((await node.item(id))?.state, 'scheduled')
  const { rows } = await node.query(`select from ${schema}.log`)
  await node.query(`drop trigger no_line on ${schema}.operator_audit`)
  const { body } = await ask('operator', `/items/${id}/acts`, { act: 'cancel', reason: 'not needed' })
  const [asked] = await auditOf(ask, 'cancel.asked')
  assert.deepEqual(await actsOf(), [body['id']])
  assert.deepEqual(
    [asked?.['subjectId'], asked?.['reason'], asked?.['after']],
    [id, 'not needed', { act: body['id'] }],
  )
  const [done] = await auditOf(ask, 'cancel')
  assert.deepEqual(done?.['after'], { act: body['id'], verdict: 'applied' })
  // Of the clone that was not made there is no item either.
  assert.equal((await node.query(`select from ${schema}.log`)).rows.length, rows.length)
  assert.equal((await ask<{ items: unknown[] }>('operator', `/items?causationId=${id}`)).body.items.length, 0)
})

test('an item is deferred until a time, resumed and cancelled', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupItems(t)
  const id = await node.enqueue(tell, { text: 'later' }, { delay: '1 day' })
  const until = new Date((await node.now()).getTime() + 3_600_000).toISOString()
  assert.equal(
    (await ask('operator', `/items/${id}/acts`, { act: 'defer', until })).body['verdict'],
    'applied',
  )
  assert.equal((await node.item(id))?.state, 'deferred')
  assert.equal((await ask('operator', `/items/${id}/acts`, { act: 'resume' })).status, 200)
  const other = await node.enqueue(tell, { text: 'never' }, { delay: '1 day' })
  assert.equal((await ask('operator', `/items/${other}/acts`, { act: 'cancel' })).body['verdict'], 'applied')
  assert.equal((await node.item(other))?.state, 'cancelled')
  const refused = await ask('operator', `/items/${other}/acts`, { act: 'cancel' })
  assert.deepEqual([refused.status, refused.body['code']], [409, 'ACT_REFUSED'])
  // What was refused has changed nothing.
  assert.equal((await auditOf(ask, 'cancel')).length, 1)
})

test('an act that makes no sense, or that the role may not, is refused', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupItems(t)
  const id = await node.enqueue(pay, { employee: 'ada', what: 'reject' })
  await node.drain()
  for (const [who, body, status, code] of [
    ['observer', { act: 'requeue' }, 403, 'FORBIDDEN'],
    ['operator', { act: 'edit' }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'cancel', input: {} }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'requeue', until: new Date() }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'explode' }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'requeue', reason: 'x'.repeat(501) }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'edit', input: { employee: 'bob' } }, 422, 'KEY_CHANGED'],
    ['operator', { act: 'edit', input: { employee: 4711 } }, 422, 'PAYLOAD_INVALID'],
    ['operator', { act: 'edit', input: { employee: 'ada', ssn: '•••' } }, 422, 'REQUEST_INVALID'],
    ['operator', { act: 'skip' }, 409, 'ACT_REFUSED'],
  ] as const) {
    const said = await ask(who, `/items/${id}/acts`, body)
    assert.deepEqual([said.status, said.body['code']], [status, code], JSON.stringify(body))
  }
  assert.equal((await node.item(id))?.state, 'broken')
})

test('of two who edit the same input the second is told, and nothing of the first is lost', async (t) => {
  const { node, ask } = await setupItems(t)
  const id = await node.enqueue(pay, { employee: 'ada', what: 'reject', ssn: '123-45-6789' })
  await node.drain()
  const read = await ask('operator', `/items/${id}`)
  const { inputDigest } = read.body as { inputDigest: string }
  const edit = (what: string) =>
    ask('operator', `/items/${id}/acts`, {
      act: 'edit',
      input: { employee: 'ada', what, ssn: '•••' },
      inputDigest,
    })
  assert.equal((await edit('first')).body['verdict'], 'applied')
  const second = await edit('second')
  assert.deepEqual([second.status, second.body['code']], [409, 'INPUT_CHANGED'])
  assert.deepEqual((await node.item(id))?.input, { employee: 'ada', what: 'first', ssn: '123-45-6789' })
  const without = await ask('operator', `/items/${id}/acts`, { act: 'requeue', inputDigest })
  assert.deepEqual([without.status, without.body['code']], [422, 'REQUEST_INVALID'])
})
