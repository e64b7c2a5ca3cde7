import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once as event } from 'node:events'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { createRowId } from '../../src/base/ids.ts'
import type { Receipt } from '../../src/define/context.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { DatabaseClock } from '../../src/engine/database-clock.ts'
import { sendSurely } from '../../src/engine/resend.ts'
import { createNode, engineOf } from '../../src/node.ts'
import { readClock } from '../../src/store/topology.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { answerLost, intercept } from '../engine/faults.ts'
import { startTcpProxy } from '../store/tcp-proxy.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'
import { once, type AcceptOrder } from './unique-process.ts'

const skip = testDatabase().kind === 'pglite' && 'needs several connections'

const echo = defineQueueProcessor({
  name: 'echo',
  input: z.string(),
  dedicated: { partitions: 1 },
  process: (input) => input,
})

test('a thousand accepts whose answers are lost, repeated on two nodes: a thousand items', async (t) => {
  const ran = new Map<string, number>()
  const work = defineQueueProcessor({
    name: 'work',
    input: z.string(),
    process: (input) => void ran.set(input, (ran.get(input) ?? 0) + 1),
  })
  const node = await setup(t, [work])
  const other = await setup(t, [work], { place: node.place, start: false })
  // Every second flush is committed, and its answer lost.
  let flushes = 0
  let lost = 0
  const lose = async <Rows>(name: string, proceed: () => Promise<Rows>): Promise<Rows> => {
    const rows = await proceed()
    if (name !== 'append-unique' || ++flushes % 2 === 0) return rows
    lost++
    throw answerLost()
  }
  t.after(intercept(node, lose))
  t.after(intercept(other, lose))
  const keys = Array.from({ length: 1_000 }, (_, at) => `key ${at}`)
  const ids = new Map<string, Set<string>>()
  const news = new Map<string, number>()
  let refused = 0
  const accept = async (key: string, at: number, round: number): Promise<void> => {
    const target = (at + round) % 2 === 0 ? node : other
    // A twin with another payload is refused, whoever comes first.
    if (round === 2 && at % 10 === 0)
      await assert.rejects(target.accept(work, 'another', { uniqueKey: key }), (error) => {
        refused++
        return isCoatcheckError(error, 'UNIQUE_KEY_REUSED')
      })
    const { id, outcome } = await target.accept(work, key, { uniqueKey: key })
    ids.set(key, (ids.get(key) ?? new Set()).add(id))
    if (outcome === 'new') news.set(key, (news.get(key) ?? 0) + 1)
  }
  for (const round of [0, 1, 2])
    for (let from = 0; from < keys.length; from += 100)
      await Promise.all(keys.slice(from, from + 100).map((key, at) => accept(key, from + at, round)))
  assert.ok(lost > 10, `${lost} answers were lost`)
  assert.equal(refused, 100)
  assert.deepEqual(
    keys.filter((key) => ids.get(key)?.size !== 1 || news.get(key) !== 1),
    [],
  )
  await node.drain()
  assert.equal(ran.size, 1_000)
  assert.deepEqual(
    [...ran].filter(([, times]) => times !== 1),
    [],
  )
  const { rows } = await node.query(`select count(*)::int as n from ${node.place.schema}.tracked_item`)
  assert.equal(rows[0]?.['n'], 1_000)
})

describe('an ambiguous flush', { skip }, () => {
  test('is one row where the first arrives after the one that was sent again', async (t) => {
    const url = new URL(await freshDatabase())
    const proxy = await startTcpProxy(url.hostname, Number(url.port || 5432))
    t.after(() => proxy.close())
    const node = await createNode({
      applications: [defineApplication({ name: 'flows', definitions: [echo] })],
      database: url.href,
      http: false,
    })
    t.after(() => node.stop())
    const { driver, schema } = engineOf(node).database
    url.port = String(proxy.port)
    // A plain client: it cancels nothing when nobody waits for it any more.
    const slow = new Client({ connectionString: url.href })
    // The database is dropped before it ends.
    slow.on('error', () => {})
    await slow.connect()
    t.after(() => slow.end())
    const queue = Number(
      (await node.query(`select number from ${schema}.queue where name = 'echo'`)).rows[0]?.['number'],
    )
    const flush = createRowId(queue, 0, Date.now())
    const rows = [{ queue, partition: 0, generation: 1, flush, count: 1, text: '[{"d":"echo","i":"once"}]' }]
    const stream = new PostgresStream(engineOf(node).database)
    let sends = 0
    let first: Promise<number> | undefined
    proxy.hold()
    await sendSurely(new DatabaseClock(() => readClock(driver, schema)), (notAfter) => {
      if (sends++ > 0) return stream.append(rows, { notAfter })
      // Over the network that holds it back.
      first = stream.append(rows, { notAfter, tx: slow })
      return Promise.reject(answerLost())
    })
    assert.equal(sends, 2)
    proxy.heal()
    await first
    const taken = await node.query(`select last_value from ${schema}.log_seq_${queue}_0`)
    assert.equal(Number(taken.rows[0]?.['last_value']), 1, 'both have run')
    assert.equal((await node.query(`select from ${schema}.log`)).rows.length, 1)
    await node.start()
    assert.equal(await node.result(flush, { wait: '10s' }), 'once')
  })

  for (const end of ['commit', 'rollback'])
    test(`is one row where the first is still under way: ${end}`, async (t) => {
      const node = await setup(t, [echo], { start: false })
      const { driver, schema } = engineOf(node).database
      const stream = new PostgresStream(engineOf(node).database)
      const client = new Client({ connectionString: testDatabase().url })
      await client.connect()
      t.after(() => client.end())
      const { rows: found } = await node.query(`select number from ${schema}.queue where name = 'echo'`)
      const queue = Number(found[0]?.['number'])
      const flush = createRowId(queue, 0, Math.round(await readClock(driver, schema)))
      const rows = [
        { queue, partition: 0, generation: 1, flush, count: 1, text: '[{"d":"echo","i":"once"}]' },
      ]
      await client.query('begin')
      await stream.append(rows, { tx: client })
      const again = stream.append(rows)
      await until('the second waits for the first', async () => {
        const { rows: waiting } = await node.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%append%'`,
          [schema],
        )
        return waiting.length > 0
      })
      await client.query(end)
      await again
      assert.equal((await node.query(`select from ${schema}.log`)).rows.length, 1)
      await node.start()
      await node.drain()
      assert.equal(await node.result(flush), 'once')
    })
})

test('fifty at once on two processes: one item', { skip }, async (t) => {
  const database = await freshDatabase()
  const order: AcceptOrder = { database, uniqueKey: 'u', times: 25 }
  const children = [1, 2].map(() => {
    const child = fork(join(import.meta.dirname, 'unique-process.ts'), [JSON.stringify(order)], {
      execArgv: [],
    })
    t.after(() => child.kill('SIGKILL'))
    return child
  })
  await Promise.all(children.map((child) => event(child, 'message')))
  const told = children.map((child) => event(child, 'message'))
  for (const child of children) child.send('go')
  const receipts = (await Promise.all(told)).flatMap(([receipt]) => receipt as Receipt[])
  assert.equal(receipts.length, 50)
  assert.equal(new Set(receipts.map(({ id }) => id)).size, 1)
  assert.equal(receipts.filter(({ outcome }) => outcome === 'new').length, 1)
  const node = await createNode({
    applications: [defineApplication({ name: 'flows', definitions: [once] })],
    database,
    http: false,
  })
  t.after(() => node.stop())
  await node.start()
  assert.equal(await node.result(receipts[0]!.id, { wait: '10s' }), 'payload')
  const { rows } = await node.query('select count(*)::int as n from coatcheck.tracked_item')
  assert.equal(rows[0]?.['n'], 1)
})
