import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { OpenDatabase } from '../../src/store/database.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import type { Hole, HoleVerdict } from '../../src/stream/stream.ts'
import { testDatabase } from '../databases.ts'
import { startEngine, type RunningEngine } from '../engine/running-engine.ts'
import { until } from '../store/until.ts'
import { freshPlace, type Place } from './setup.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one transaction at a time'

/** Believes that what is missing never comes. */
class HastyStream extends PostgresStream {
  override judgeHoles(holes: readonly Hole[]): Promise<HoleVerdict[]> {
    return Promise.resolve(
      holes.map(({ queue, partition, seq }) => ({ queue, partition, seq, state: 'dead' as const })),
    )
  }
}

/** A queue processor that remembers what it ran. */
function remembering(partitions: number) {
  const ran: number[] = []
  const processor = defineQueueProcessor({
    name: 'remember',
    input: z.object({ n: z.number() }),
    dedicated: { partitions },
    concurrency: 50,
    process: ({ n }) => void ran.push(n),
  })
  return { ran, processor }
}

async function connect(t: TestContext, place: Place): Promise<Client> {
  const client = new Client({ connectionString: place.database })
  await client.connect()
  t.after(() => client.end())
  return client
}

describe('transactions that commit out of order', { skip }, () => {
  const writers = 12
  const transactions = 60

  /** Everybody writes at once: in transactions of the application, half of them by SQL, and beside these without one. */
  async function write(t: TestContext, place: Place, { engine, definition }: RunningEngine) {
    const committed: number[] = []
    const rolledBack: number[] = []
    let last = 0
    let open = writers
    const inTransactions = async (at: number) => {
      const client = await connect(t, place)
      for (let turn = 0; turn < transactions; turn++) {
        const mine = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => ++last)
        await client.query('begin')
        for (const n of mine)
          if (at % 2) await engine.accept(definition, { n }, { tx: client })
          else await client.query(`select ${place.schema}.enqueue('remember', $1)`, [JSON.stringify({ n })])
        // What the application does before it commits.
        await client.query('select pg_sleep($1)', [Math.random() * 0.006])
        const fails = Math.random() < 0.12
        await client.query(fails ? 'rollback' : 'commit')
        ;(fails ? rolledBack : committed).push(...mine)
      }
      open--
    }
    // Each of these wakes the reader, while the others have their transactions open.
    const plainly = async () => {
      while (open > 0) {
        const n = ++last
        await engine.accept(definition, { n })
        committed.push(n)
      }
    }
    await Promise.all([plainly(), ...Array.from({ length: writers }, (_, at) => inTransactions(at))])
    return { committed, rolledBack }
  }

  test('nothing that was committed is lost, nothing runs twice, nothing of what was rolled back runs', async (t) => {
    const place = await freshPlace()
    const { ran, processor } = remembering(3)
    const running = await startEngine(t, place, processor)
    const { committed, rolledBack } = await write(t, place, running)
    await until('as many have run as were committed', () => ran.length >= committed.length)
    await running.drain()
    const set = new Set(ran)
    const counts = {
      lost: committed.filter((n) => !set.has(n)).length,
      twice: ran.length - set.size,
      neverCommitted: rolledBack.filter((n) => set.has(n)).length,
    }
    assert.deepEqual(counts, { lost: 0, twice: 0, neverCommitted: 0 })
    assert.ok(rolledBack.length > 0)
    // A dead row is known by what other transactions are open, and other tests have some.
    await until('all of the log is behind the watermark', async () => {
      const { rows } = await running.database.driver.query(
        `select queue, partition from ${place.schema}.partition p
         where watermark < (select 4096 * (max(seq) + 1) from ${place.schema}.log l
           where l.queue = p.queue and l.partition = p.partition)`,
      )
      return rows.length === 0
    })
  })

  test('a reader that takes a missing row for a dead one would lose some', async (t) => {
    const place = await freshPlace()
    const { ran, processor } = remembering(3)
    const running = await startEngine(t, place, processor, {
      stream: (database) => new HastyStream(database),
    })
    const { committed } = await write(t, place, running)
    // The database says that all is done, and yet:
    await running.drain()
    const set = new Set(ran)
    assert.ok(committed.some((n) => !set.has(n)))
  })
})

describe('a transaction that is held open', { skip }, () => {
  const others = Array.from({ length: 2_000 }, (_, at) => at + 1)
  const late = 0

  async function holesOf({ driver, schema }: OpenDatabase) {
    const { rows } = await driver.query(
      `select h.seq::int, p.watermark > 4096 * h.seq as passed
       from ${schema}.hole h join ${schema}.partition p using (queue, partition)`,
    )
    return rows
  }

  /** Opens a transaction with an item in it; then so many others are accepted, and all of these run. */
  async function overtake(t: TestContext) {
    const place = await freshPlace()
    const { ran, processor } = remembering(1)
    const first = await startEngine(t, place, processor)
    const client = await connect(t, place)
    await client.query('begin')
    const { rows } = await client.query<{ id: string }>(
      `select ${place.schema}.enqueue('remember', $1) as id`,
      [JSON.stringify({ n: late })],
    )
    for (let at = 0; at < others.length; at += 50)
      await first.engine.acceptMany(
        first.definition,
        others.slice(at, at + 50).map((n) => ({ n })),
      )
    await until('the others have run', () => ran.length >= others.length)
    return {
      place,
      ran,
      client,
      id: rows[0]!.id,
      first,
      again: () => startEngine(t, place, processor),
    }
  }

  async function passed({ database }: RunningEngine): Promise<void> {
    await until('the hole is a row', async () => (await holesOf(database)).length > 0)
    assert.deepEqual(await holesOf(database), [{ seq: 0, passed: true }])
  }

  async function gone({ database }: RunningEngine): Promise<void> {
    await until('the row of the hole is gone', async () => (await holesOf(database)).length === 0)
  }

  const restarts = {
    'is passed by the watermark': async ({ first }: Awaited<ReturnType<typeof overtake>>) => {
      await passed(first)
      return first
    },
    'is found again by the next node': async ({ first, again }: Awaited<ReturnType<typeof overtake>>) => {
      await passed(first)
      await first.stop()
      return again()
    },
    'before it was passed, is met by the next node': async ({
      first,
      again,
    }: Awaited<ReturnType<typeof overtake>>) => {
      await first.stop()
      const second = await again()
      await passed(second)
      return second
    },
    'ends while no node is there': async (held: Awaited<ReturnType<typeof overtake>>) => {
      await passed(held.first)
      await held.first.stop()
      return undefined
    },
  }

  for (const [name, meanwhile] of Object.entries(restarts))
    for (const end of ['commit', 'rollback'] as const)
      test(`${name}; ${end}`, async (t) => {
        const held = await overtake(t)
        const node = await meanwhile(held)
        assert.deepEqual(
          held.ran.toSorted((a, b) => a - b),
          others,
        )
        await held.client.query(end)
        const last = node ?? (await held.again())
        if (end === 'commit') await until('it has run', () => held.ran.includes(late))
        await gone(last)
        await last.drain()
        const expected = end === 'commit' ? [late, ...others] : others
        assert.deepEqual(
          held.ran.toSorted((a, b) => a - b),
          expected,
        )
        assert.equal((await last.engine.item(held.id))?.state, end === 'commit' ? 'succeeded' : undefined)
      })
})
