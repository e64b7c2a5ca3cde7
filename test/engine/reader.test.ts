import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { CoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { hashOf } from '../../src/engine/topology.ts'
import type { Driver } from '../../src/store/driver.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import type { Hole, HoleVerdict, ReadRequest, StreamRow } from '../../src/stream/stream.ts'
import { testDatabase } from '../databases.ts'
import { freshPlace, type Place } from '../flows/setup.ts'
import { promised, until } from '../store/until.ts'
import { startEngine } from './running-engine.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one transaction at a time'

/** Reads only while its gate is open, and counts how often holes are judged. */
class WatchedStream extends PostgresStream {
  gate: Promise<void> = Promise.resolve()
  judged = 0

  override async read(
    requests: readonly ReadRequest[],
    limits: { items: number; bytes: number },
  ): Promise<StreamRow[]> {
    await this.gate
    return super.read(requests, limits)
  }

  override judgeHoles(
    holes: readonly Hole[],
    limits: { items: number; bytes: number },
  ): Promise<HoleVerdict[]> {
    this.judged++
    return super.judgeHoles(holes, limits)
  }
}

/** A driver whose next call of a statement waits until it is told to fail. */
function failingDriver(statement: string) {
  const asked = promised()
  const failure = promised<Error>()
  let armed = false
  const wrap = (driver: Driver): Driver =>
    new Proxy(driver, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (name !== 'run') return typeof value === 'function' ? value.bind(target) : value
        return async (...args: Parameters<Driver['run']>) => {
          if (armed && args[0].name?.includes(statement)) {
            armed = false
            asked.keep()
            throw await failure.promise
          }
          return target.run(...args)
        }
      },
    })
  return { wrap, arm: () => void (armed = true), asked: asked.promise, fail: failure.keep }
}

/** A key of its own that goes to this partition of two. */
function keyFor(n: number, partition: number): string {
  for (let at = 0; ; at++) if (hashOf(`${n}-${at}`) % 2 === partition) return `${n}-${at}`
}

async function connect(t: TestContext, place: Place): Promise<Client> {
  const client = new Client({ connectionString: place.database })
  await client.connect()
  t.after(() => client.end())
  await client.query('begin')
  return client
}

test('a hole that is filled while the rows around it are taken again runs once', { skip }, async (t) => {
  const ran: number[] = []
  const held = promised()
  const processor = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    dedicated: { partitions: 2 },
    retry: { maxAttempts: 2, initialDelay: '1 hour' },
    process: async ({ n }) => {
      if (n === 0) throw new Error('the lane has a key now')
      ran.push(n)
      if (n === 2) await held.promise
    },
  })
  const place = await freshPlace()
  const failing = failingDriver('waiting-keys')
  let opened: WatchedStream | undefined
  const { engine, definition, database, drain } = await startEngine(t, place, processor, {
    stream: (of) => (opened = new WatchedStream(of)),
    driver: failing.wrap,
  })
  const stream = opened!
  const accept = (n: number, partition: number, tx?: Client) =>
    engine.accept(definition, { key: keyFor(n, partition), n }, tx ? { tx } : {})
  await accept(0, 0)
  await until('one waits in the lane', async () => {
    const { rows } = await database.driver.query(`select from ${place.schema}.waiting_item`)
    return rows.length === 1
  })
  // A hole elsewhere, so that the test sees when holes are looked at.
  const elsewhere = await connect(t, place)
  await accept(9, 1, elsewhere)
  await accept(4, 1)
  await until('holes are looked at', () => stream.judged > 0)

  // Three rows, the one in the middle in an open transaction; the reader meets the others in one read.
  const gate = promised()
  stream.gate = gate.promise
  const client = await connect(t, place)
  await accept(1, 0)
  await accept(2, 0, client)
  await accept(3, 0)
  failing.arm()
  gate.keep()
  await failing.asked
  await client.query('commit')
  const before = stream.judged
  await until('holes were looked at twice', () => stream.judged >= before + 2)
  failing.fail(new CoatcheckError('DATABASE_UNREACHABLE', 'the connection was lost'))
  await until('all have started', () => [1, 2, 3].every((n) => ran.includes(n)))
  held.keep()
  await elsewhere.query('rollback')
  await drain()
  assert.deepEqual(
    ran.toSorted((a, b) => a - b),
    [1, 2, 3, 4],
  )
})

/** Judges holes while its gate is open, and gives one row that has filled one at a time. */
class NarrowStream extends PostgresStream {
  gate: Promise<void> = Promise.resolve()
  asked = 0

  override async judgeHoles(holes: readonly Hole[]): Promise<HoleVerdict[]> {
    this.asked++
    await this.gate
    return super.judgeHoles(holes, { items: 1, bytes: 1 })
  }
}

test(
  'rows that have filled holes come before what was sent after them, however few come at once',
  { skip },
  async (t) => {
    const ran: number[] = []
    const processor = defineQueueProcessor({
      name: 'step',
      input: z.object({ key: z.string(), n: z.number() }),
      key: ({ key }) => key,
      dedicated: { partitions: 1 },
      process: ({ n }) => void ran.push(n),
    })
    const place = await freshPlace()
    let opened: NarrowStream | undefined
    const { engine, definition, drain } = await startEngine(t, place, processor, {
      stream: (of) => (opened = new NarrowStream(of)),
    })
    const stream = opened!
    const clients = [await connect(t, place), await connect(t, place), await connect(t, place)]
    for (const [n, tx] of clients.entries()) await engine.accept(definition, { key: 'k', n }, { tx })
    const gate = promised()
    stream.gate = gate.promise
    await engine.accept(definition, { key: 'other', n: 9 })
    await until('the holes are looked at', () => stream.asked > 0)
    for (const client of clients) await client.query('commit')
    await engine.accept(definition, { key: 'k', n: 3 })
    gate.keep()
    await drain()
    assert.deepEqual(
      ran.filter((n) => n < 9),
      [0, 1, 2, 3],
    )
  },
)
