import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, defineService, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { readBrokenGroups } from '../../src/store/broken-groups.ts'
import { setup } from '../flows/setup.ts'
import { askAs } from './asking.ts'

const fails = (name: string) =>
  defineQueueProcessor({
    name,
    input: z.object({ why: z.string() }),
    process: ({ why }) => {
      throw new Reject(why)
    },
  })

test('broken items of a definition are found however many groups others have', async (t) => {
  const [ape, bee, cow] = [fails('ape'), fails('bee'), fails('cow')]
  const node = await setup(t, [ape, bee, cow], { log: { info() {}, warn() {}, error() {} } })
  for (const each of [ape, bee, cow])
    for (const why of ['is ill', 'is away', 'is away']) await node.enqueue(each, { why })
  await node.drain()
  const { driver, schema } = engineOf(node).database
  const read = async (definition: string | undefined, limit: number) => {
    const { groups, isCut } = await readBrokenGroups(
      driver,
      schema,
      undefined,
      definition === undefined ? undefined : [definition],
      limit,
    )
    return [groups.map(({ definition, message, count }) => `${definition} ${message} ${count}`), isCut]
  }
  assert.deepEqual(await read('cow', 2), [['cow is away 2', 'cow is ill 1'], false])
  assert.equal((await read('bee', 1))[1], true)
  assert.deepEqual(await read('dog', 2), [[], false])
  const [all, isCut] = await read(undefined, 500)
  assert.deepEqual([(all as string[]).length, isCut], [6, false])
  assert.equal((await read(undefined, 5))[1], true)
})

test('by a name both the service and the queue processor are found, known here or not', async (t) => {
  const pay = defineService({
    name: 'pay',
    input: z.object({ why: z.string() }),
    execution: 'queue',
    run: ({ why }) => {
      throw new Reject(why)
    },
  })
  const node = await setup(t, [fails('pay'), pay], { log: { info() {}, warn() {}, error() {} } })
  const ask = await askAs(node, 'observer')
  await node.enqueue(fails('pay'), { why: 'is ill' })
  await node.enqueue(pay, { why: 'is away' })
  await node.drain()
  const messages = async (name: string) => {
    const { body } = await ask('GET', `/broken?processor=${name}`)
    return body.items
      .map(({ message, processor }: Record<string, string>) => `${processor} ${message}`)
      .toSorted()
  }
  assert.deepEqual(await messages('pay'), ['pay is away', 'pay is ill'])
  const { schema } = node.place
  await node.query(
    `update "${schema}".broken_item set definition = 'service:gone' where definition = 'service:pay'`,
  )
  // Of what is not known here nobody can say what is secret.
  assert.deepEqual(await messages('gone'), ['gone •••'])
})

test('where the sentence is hidden, no digest of it is shown or finds items, and the group is found all the same', async (t) => {
  const shy = defineQueueProcessor({
    name: 'shy',
    input: z.object({ why: z.string() }),
    secret: ['/why'],
    process: ({ why }) => {
      throw new Reject(why)
    },
  })
  const node = await setup(t, [shy, fails('bold')], { log: { info() {}, warn() {}, error() {} } })
  for (const why of ['is ill', 'is ill', 'is away']) {
    await node.enqueue(shy, { why })
    await node.enqueue(fails('bold'), { why })
  }
  await node.drain()
  const [operator, administrator] = [await askAs(node, 'operator'), await askAs(node, 'administrator')]
  const groups = async (ask: typeof operator, name: string) =>
    (await ask('GET', `/broken?processor=${name}`)).body.items as { fingerprint: string; count: number }[]
  const found = async (ask: typeof operator, fingerprint: string, more = '') =>
    (await ask('GET', `/items?fingerprint=${fingerprint}${more}`)).body.items.length as number
  const counts = [2, 1]
  const digests = (await groups(administrator, 'shy')).map(({ fingerprint }) => fingerprint)
  const shown = await groups(operator, 'shy')
  assert.deepEqual(
    shown.map(({ count }) => count),
    counts,
  )
  for (const [at, { fingerprint }] of shown.entries()) {
    assert.ok(!digests.includes(fingerprint))
    assert.equal(await found(operator, fingerprint), counts[at])
    for (const more of ['', '&processor=shy'])
      assert.equal(await found(operator, digests[at] ?? '', more), 0, 'a guess is answered')
    assert.equal(await found(administrator, digests[at] ?? ''), counts[at])
  }
  for (const [at, { fingerprint }] of (await groups(operator, 'bold')).entries())
    assert.equal(await found(operator, fingerprint), counts[at])
  const filter = { fingerprint: shown[0]?.fingerprint }
  assert.equal((await operator('POST', '/items/preview', { act: 'redrive', filter })).body.count, 2)
})
