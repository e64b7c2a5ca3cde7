import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import type { AnyDefinition } from '../../src/define/application.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode, type Node } from '../../src/node.ts'
import type { Driver } from '../../src/store/driver.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { startEngine, type RunningEngine } from '../engine/running-engine.ts'
import { until } from '../store/until.ts'
import { freshPlace, type Place } from './setup.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one transaction at a time'

/** A client that runs nothing: what it accepts stands in the log. */
async function clientOf(t: TestContext, place: Place, definition: AnyDefinition) {
  const applications = [defineApplication({ name: 'engine', definitions: [definition] })]
  const client = await createNode({ applications, ...place, http: false, log: false })
  t.after(() => client.stop())
  return client
}

/** Has each statement of the engine seen before it is sent. */
function seeing(see: (name: string, values: readonly unknown[]) => void): (driver: Driver) => Driver {
  return (driver) => {
    const run = driver.run.bind(driver)
    driver.run = (statement, values = [], options) => {
      see(statement.name ?? '', values)
      return run(statement, values, options)
    }
    return driver
  }
}

/** Rows for the lane that a settle puts there. */
function lateRows(values: readonly unknown[]): unknown[] {
  const list = values.find((value) => typeof value === 'string' && value.includes('"moves":false'))
  return list === undefined ? [] : (JSON.parse(list as string) as unknown[])
}

/** What the former owner has passed as holes: all that stands in the log now, as if it had been committed since. */
async function passAll(node: Node, schema: string): Promise<void> {
  await node.query(`insert into ${schema}.hole (queue, partition, seq, xid)
    select queue, partition, seq, '3'::xid8 from ${schema}.log`)
  await node.query(`update ${schema}.partition p
    set watermark = l.upto, done = int8multirange(int8range(0, l.upto))
    from (select queue, partition, (max(seq) + 1) * 4096 as upto from ${schema}.log group by 1, 2) as l
    where p.queue = l.queue and p.partition = l.partition`)
}

async function holesLeft({ database: { driver, schema } }: RunningEngine): Promise<number> {
  const { rows } = await driver.query(`select count(*)::int as n from ${schema}.hole`)
  return rows[0]?.['n'] as number
}

describe('rows that a transaction has filled late', () => {
  const inputs = {
    // Three rows of the log, each beyond the half of a portion; then by their size.
    items: Array.from({ length: 3 }, () => Array.from({ length: 2_100 }, () => '')),
    characters: Array.from({ length: 5 }, () => ['x'.repeat(1_500_000)]),
  }
  for (const [by, flushes] of Object.entries(inputs))
    test(`go into the lane a portion with each settle, by ${by}; all run, those of a key in order`, async (t) => {
      const ran: number[] = []
      const place = await freshPlace()
      const step = defineQueueProcessor({
        name: 'step',
        input: z.object({ n: z.number(), text: z.string() }),
        key: ({ n }) => `key ${n % 7}`,
        dedicated: { partitions: 1 },
        maxPayload: '2 MB',
        concurrency: 50,
        process: ({ n }) => void ran.push(n),
      })
      const client = await clientOf(t, place, step)
      let last = 0
      for (const flush of flushes)
        await client.enqueueMany(
          step,
          flush.map((text) => ({ n: last++, text })),
        )
      await passAll(client, place.schema)

      const portions: { items: number; size: number }[] = []
      const engine = await startEngine(t, place, step, {
        driver: seeing((name, values) => {
          const rows = name.startsWith('settle-') ? lateRows(values) : []
          if (rows.length > 0) portions.push({ items: rows.length, size: JSON.stringify(rows).length })
        }),
      })
      await until('all have run', () => ran.length >= last)
      await engine.drain()
      assert.equal(
        portions.reduce((sum, { items }) => sum + items, 0),
        last,
      )
      for (const { items, size } of portions) {
        assert.ok(items <= 4_096, `${items} in one settle`)
        assert.ok(size < 4_500_000, `${size} characters in one settle`)
      }
      assert.equal(await holesLeft(engine), 0)
      for (let key = 0; key < 7; key++)
        assert.deepEqual(
          ran.filter((n) => n % 7 === key),
          Array.from({ length: last }, (_, n) => n).filter((n) => n % 7 === key),
        )
    })
})

describe('holes that stay open', () => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: () => {},
  })

  test('are looked at page by page, and go when they are dead; others run meanwhile', async (t) => {
    const place = await freshPlace()
    const { schema } = place
    const client = await clientOf(t, place, step)
    await client.enqueue(step, 0)
    // Seqs 1 to 2,500 are holes of the former owner, open as long as transactions are older than this one.
    await client.query(`select setval('${schema}.log_seq_' || number || '_0', 2500)
      from ${schema}.queue where name = 'step'`)
    await client.query(`insert into ${schema}.hole (queue, partition, seq, xid)
      select p.queue, p.partition, seq, '1000000000000'::xid8
      from ${schema}.partition p, generate_series(1, 2500) as seq
      where p.queue = (select number from ${schema}.queue where name = 'step')`)
    await client.query(`update ${schema}.partition p
      set watermark = 0, done = int8multirange(int8range(4096, 4096 * 2501))`)
    const pages: number[] = []
    const engine = await startEngine(t, place, step, {
      driver: seeing((name, values) => {
        if (name.startsWith('judge-holes')) pages.push((JSON.parse(values[0] as string) as []).length)
      }),
    })
    const id = await client.enqueue(step, 1)
    await until('all have been looked at twice', () => pages.reduce((sum, n) => sum + n, 0) >= 5_000)
    assert.ok(
      pages.every((n) => n <= 1_000),
      String(pages),
    )
    await engine.drain()
    assert.equal((await engine.engine.item(id))?.state, 'succeeded')
    assert.equal(await holesLeft(engine), 2_500)
    await client.query(`update ${schema}.hole set xid = '3'::xid8`)
    await until('all are gone', async () => (await holesLeft(engine)) === 0)
  })

  test(
    'a transaction in another database keeps them open: nothing waits for it, and a look at a new one is no longer for it',
    { skip, timeout: 120_000 },
    async (t) => {
      const place = await freshPlace()
      const { schema } = place
      const other = new Client({ connectionString: await freshDatabase() })
      const ours = new Client({ connectionString: place.database })
      await other.connect()
      await ours.connect()
      t.after(() => ours.end())
      // Should the test fail: its database is dropped with it.
      other.on('error', () => {})
      await other.query('begin')
      await other.query('select pg_current_xact_id()')
      const looks: number[][] = []
      const engine = await startEngine(t, place, step, {
        driver: seeing((name, values) => {
          if (name.startsWith('judge-holes'))
            looks.push((JSON.parse(values[0] as string) as { seq: number }[]).map(({ seq }) => seq))
        }),
      })
      const rollBack = async (count: number) => {
        for (let at = 0; at < count; at++) {
          await ours.query('begin')
          await ours.query(`select ${schema}.enqueue('step', '0')`)
          await ours.query('rollback')
        }
        return engine.engine.accept(engine.definition, 1)
      }
      // Those of a round are rows before the next one begins.
      const ids = []
      for (let round = 1; round <= 4; round++) {
        ids.push(await rollBack(40))
        await until('they are rows', async () => (await holesLeft(engine)) >= 40 * round)
      }
      // The first look at those of the last round is at them alone.
      const newest = looks.find((seqs) => seqs.some((seq) => seq >= 3 * 41))
      assert.ok(newest?.every((seq) => seq >= 3 * 41))
      for (const id of ids)
        await until('it has run', async () => (await engine.engine.item(id))?.state === 'succeeded')
      await until('the watermark is at the end', async () => {
        const { rows } = await engine.database.driver.query(
          `select watermark >= 4096 * 164 as is from ${schema}.partition
           where queue = (select number from ${schema}.queue where name = 'step')`,
        )
        return rows[0]?.['is'] === true
      })
      await other.query('commit')
      await other.end()
      await until('all are gone', async () => (await holesLeft(engine)) === 0)
    },
  )
})
