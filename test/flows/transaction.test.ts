import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Client, Pool } from 'pg'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import type { Tx } from '../../src/base/tx.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { Node } from '../../src/node.ts'
import { testDatabase } from '../databases.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

const database = testDatabase()
const server = database.kind === 'pglite' && 'an embedded database has no clients'
const embedded = database.kind === 'postgres' && 'a server has more than one connection'

async function setUp(t: TestContext) {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [step])
  await node.query(`create table ${node.place.schema}.worker (name text)`)
  const hire = async (tx: Tx, name: string): Promise<string> => {
    await tx.query(`insert into ${node.place.schema}.worker values ($1)`, [name])
    return node.enqueue(step, name, { tx })
  }
  const workers = async () =>
    (await node.query(`select name from ${node.place.schema}.worker order by name`)).rows.map(
      ({ name }) => name,
    )
  return { ran, step, node, hire, workers }
}

const undo = new Error('undo')

test('node.transaction: with its commit the item is there, with its rollback it never was', async (t) => {
  const { ran, step, node, hire, workers } = await setUp(t)
  const id = await node.transaction((tx) => hire(tx, 'kept'))
  let gone = ''
  await assert.rejects(
    node.transaction(async (tx) => {
      gone = await hire(tx, 'undone')
      await node.enqueueMany(step, ['many', 'undone'], { tx })
      await node.enqueue(step, 'later', { tx, delay: '1h' })
      throw undo
    }),
    undo,
  )
  await node.drain()
  assert.deepEqual(ran, ['kept'])
  assert.deepEqual(await workers(), ['kept'])
  assert.equal((await node.item(id))?.state, 'succeeded')
  assert.equal(await node.item(gone as never), undefined)
  await node.advance('2h')
  await node.drain()
  assert.deepEqual(ran, ['kept'])
})

test('enqueueMany and delays within a transaction', async (t) => {
  const { ran, step, node } = await setUp(t)
  const [ids, later] = await node.transaction(async (tx) => [
    await node.enqueueMany(step, ['a', 'b', 'c'], { tx }),
    await node.enqueue(step, 'later', { tx, delay: '1h' }),
  ])
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['a', 'b', 'c'])
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await node.item(id))?.input)), ['a', 'b', 'c'])
  assert.equal((await node.item(later))?.state, 'scheduled')
  await node.advance('2h')
  await node.drain()
  assert.deepEqual(ran.slice(3), ['later'])
})

test('a statement of yours that failed takes the item along', async (t) => {
  const { ran, step, node } = await setUp(t)
  await assert.rejects(
    node.transaction(async (tx) => {
      await node.enqueue(step, 'x', { tx })
      await tx.query('select no_such_column').catch(() => {})
    }),
    /no_such_column/,
  )
  await node.drain()
  assert.deepEqual(ran, [])
})

test('a client of pg: commit, rollback, savepoint, and open for long', { skip: server }, async (t) => {
  const { ran, node, hire, workers } = await setUp(t)
  const client = new Client({ connectionString: database.url })
  await client.connect()
  t.after(() => client.end())
  await client.query('begin')
  const id = await hire(client, 'kept')
  await client.query('savepoint s')
  await hire(client, 'back to the savepoint')
  await client.query('rollback to savepoint s')
  assert.equal(await node.item(id as never), undefined, 'nobody sees it before the commit')
  await client.query('commit')
  await client.query('begin')
  await hire(client, 'undone')
  await client.query('rollback')
  await client.query('begin')
  await hire(client, 'open')
  await node.drain()
  assert.deepEqual(ran, ['kept'])
  await client.query('commit')
  await node.drain()
  assert.deepEqual(ran, ['kept', 'open'])
  assert.deepEqual(await workers(), ['kept', 'open'])
})

test('what is no transaction is refused, and nothing is accepted', async (t) => {
  const { step, node } = await setUp(t)
  const pool = new Pool({ connectionString: 'postgres://nobody@localhost:1/none' })
  t.after(() => pool.end())
  const forged = { isTransaction: true, selectFrom: () => {}, executeQuery: () => {}, getExecutor: () => {} }
  for (const [tx, says] of [
    [{}, /no transaction/],
    [null, /tx is null/],
    [pool, /a pg pool/],
    [node, /not a transaction but makes them/],
    [forged, /Kysely transaction; wrap it: fromKysely\(trx\)/],
    [{ query: async () => [{ id: 1 }] }, /must answer \{ rows/],
  ] as const)
    await assert.rejects(node.enqueue(step, 'x', { tx: tx as never }), (error) => {
      assert.ok(isCoatcheckError(error, 'OPTION_INVALID'), String(error))
      assert.match(error.message, says)
      return true
    })
  await node.drain()
  assert.deepEqual(await node.items(), [])
})

test(
  'embedded: enqueue without tx inside a transaction fails at once, others succeed',
  { skip: embedded },
  async (t) => {
    const { ran, step, node, hire } = await setUp(t)
    const inside = signal()
    const finish = signal()
    const transaction = node.transaction(async (tx) => {
      await hire(tx, 'inside')
      const began = performance.now()
      for (const call of wouldWait(node, step))
        await assert.rejects(call, (error) => isCoatcheckError(error, 'WOULD_WAIT_FOR_ITSELF'))
      // what waits for itself fails after six
      assert.ok(performance.now() - began < 5_000)
      inside.give()
      await finish.promise
    })
    await inside.promise
    const others = [
      node.enqueue(step, 'other'),
      node.enqueue(step, 'unique', { uniqueKey: 'u' }),
      node.enqueue(step, 'later', { delay: '1h' }),
    ]
    finish.give()
    await transaction
    await Promise.all(others)
    await node.drain()
    assert.deepEqual(ran.toSorted(), ['inside', 'other', 'unique'])
  },
)

function* wouldWait(node: Node, step: Parameters<Node['enqueue']>[0]) {
  yield node.enqueue(step, 'x')
  yield node.enqueueMany(step, ['x'])
  yield node.enqueue(step, 'x', { delay: '1h' })
  yield node.enqueue(step, 'x', { uniqueKey: 'x' })
  yield node.query('select 1')
  yield node.transaction(async () => {})
  yield node.item('0199f3a1-7c00-8001-8001-5f3c9a2b1000')
}

test('a server: enqueue without tx inside a transaction commits on its own', { skip: server }, async (t) => {
  const { ran, step, node } = await setUp(t)
  await assert.rejects(
    node.transaction(async () => {
      await node.enqueue(step, 'on its own')
      throw undo
    }),
    undo,
  )
  await node.drain()
  assert.deepEqual(ran, ['on its own'])
})

test(
  'embedded: calls made at once with a transaction that has ended are as any',
  { skip: embedded },
  async (t) => {
    const { ran, step, node } = await setUp(t)
    let late: Promise<unknown> | undefined
    const ended = signal()
    await node.transaction(async () => {
      late = ended.promise.then(() => node.enqueue(step, 'late'))
    })
    ended.give()
    await late
    await node.drain()
    assert.deepEqual(ran, ['late'])
  },
)
