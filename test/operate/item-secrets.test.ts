import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/index.ts'
import { pay, setupItems } from './item-setup.ts'

const ssn = '123-45-6789'
const card = '4111111111111111'

test(
  'what is secret is shown to administrators alone, wherever it comes up',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask, list } = await setupItems(t)
    const input = { employee: 'ada', ssn, cards: [{ number: card }, { number: '17' }] }
    const paid = await node.enqueue(pay, input)
    const broken = await node.enqueue(pay, { ...input, employee: 'bob', what: 'reject' })
    await node.drain()
    await node.edit(broken, { input: { ...input, employee: 'bob', ssn: '987-65-4321', what: 'reject' } })
    for (const who of ['observer', 'operator', 'north'])
      for (const path of ['/items', '/items?state=broken', `/items/${paid}`, `/items/${broken}`]) {
        const { body } = await ask(who, path)
        assert.doesNotMatch(JSON.stringify(body), /123-45|987-65|4111111|"17"/, `${who} ${path}`)
      }
    const { body: shown } = await ask<Record<string, unknown>>('operator', `/items/${paid}`)
    assert.deepEqual(shown['input'], {
      employee: 'ada',
      ssn: '•••',
      cards: [{ number: '•••' }, { number: '•••' }],
    })
    assert.deepEqual(shown['result'], { paid: 'ada', ssn: '•••', masked: '**6789' })
    assert.deepEqual(shown['redacted'], ['/ssn', '/cards/*/number'])
    assert.match(JSON.stringify(shown['timeline']), /paying ada, •••/)
    const { body: failed } = await ask<{ error: { message: string } }>('operator', `/items/${broken}`)
    assert.equal(failed.error.message, 'the bank knows no •••')
    const { body: all } = await ask<Record<string, unknown>>('administrator', `/items/${paid}`)
    assert.deepEqual([all['input'], all['redacted']], [input, []])
    // Who may not see it does not find out by searching for it either.
    for (const text of [ssn, '45-67', card, '987-65-4321']) {
      assert.deepEqual(await list(`text=${text}`, 'operator'), [], text)
      assert.notDeepEqual(await list(`text=${text}`, 'administrator'), [], text)
      const { body: counts } = await ask<Record<string, { count: number }>>(
        'operator',
        `/items/counts?text=${text}`,
      )
      assert.ok(Object.values(counts).every(({ count }) => count === 0))
      const filter = { text }
      assert.deepEqual((await ask('operator', '/items/preview', { act: 'clone', filter })).body, {
        count: 0,
        isAtLeast: false,
      })
    }
    assert.deepEqual((await list('text=paying', 'operator')).length, 2)
  },
)

test('a key that holds what is secret is shown to administrators alone', { timeout: 60_000 }, async (t) => {
  const file = defineQueueProcessor({
    name: 'file',
    input: z.object({ employee: z.string(), ssn: z.string() }),
    key: ({ employee }) => employee,
    onBroken: 'block',
    dedicated: { partitions: 1 },
    secret: ['/ssn'],
    process: ({ ssn }) => {
      throw new Reject(`nobody is ${ssn}`)
    },
  })
  const { node, ask, list } = await setupItems(t, {}, [file])
  const id = await node.enqueue(file, { employee: ssn, ssn })
  await node.enqueue(file, { employee: 'ada', ssn: 'other-one' })
  await node.drain()
  interface Blocked {
    readonly items: readonly { key: string; item: { key: string }; error: { message: string } }[]
  }
  const keysOf = async (who: string) => {
    const { body } = await ask<Blocked>(who, '/queues/file/blocked-keys')
    return body.items.map(({ key, item, error }) => [key, item.key, error.message])
  }
  const no = 'nobody is'
  assert.deepEqual(await keysOf('administrator'), [
    [ssn, ssn, `${no} ${ssn}`],
    ['ada', 'ada', `${no} other-one`],
  ])
  assert.deepEqual(await keysOf('observer'), [
    ['•••', '•••', `${no} •••`],
    ['ada', 'ada', `${no} •••`],
  ])
  const groups = async (who: string) => {
    const { body } = await ask<{ items: { message: string }[] }>(who, '/broken')
    return body.items.map(({ message }) => message).toSorted()
  }
  assert.deepEqual(await groups('administrator'), [`${no} other-one`, `${no} …-…-…`])
  assert.deepEqual(await groups('operator'), ['•••', '•••'])
  // Nor does anybody find it out by asking for it.
  for (const query of [`key=${ssn}`, 'keyPrefix=123-4']) {
    assert.equal((await list(query, 'administrator')).length, 1)
    assert.deepEqual(await list(query, 'operator'), [])
    const { body: counts } = await ask<Record<string, { count: number }>>(
      'operator',
      `/items/counts?${query}`,
    )
    assert.ok(Object.values(counts).every(({ count }) => count === 0))
    const filter = Object.fromEntries(new URLSearchParams(query))
    const preview = await ask('operator', '/items/preview', { act: 'clone', filter })
    assert.deepEqual(preview.body, { count: 0, isAtLeast: false })
  }
  assert.equal((await list('key=ada', 'operator')).length, 1)
  const edit = { act: 'edit', input: { employee: 'bob', ssn: '•••' } }
  const refused = await ask('operator', `/items/${id}/acts`, edit)
  assert.equal(refused.body['code'], 'KEY_CHANGED')
  assert.doesNotMatch(JSON.stringify(refused.body), /123-45/)
})

test(
  'of what no definition is known, administrators alone see what it holds',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupItems(t)
    const id = await node.enqueue(pay, { employee: 'ada', ssn })
    await node.drain()
    for (const table of ['tracked_item']) {
      const { rows } = await node.query(
        `update "${node.place.schema}".${table} set definition = 'gone' where id = $1 returning id`,
        [id],
      )
      assert.equal(rows.length, 1)
    }
    const { body } = await ask<Record<string, unknown>>('operator', `/items/${id}`)
    assert.deepEqual([body['input'], body['result'], body['redacted']], ['•••', '•••', ['']])
    assert.doesNotMatch(JSON.stringify(body), /123-45/)
    const { body: all } = await ask<{ input: { ssn: string } }>('administrator', `/items/${id}`)
    assert.equal(all.input.ssn, ssn)
  },
)
