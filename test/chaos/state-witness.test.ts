import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { freshDatabase, testDatabase } from '../databases.ts'
import { consoleFigure } from './check-console.ts'
import { LoadClient } from './load-client.ts'
import { StateWatch } from './state-watch.ts'
import { StateWitness } from './state-witness.ts'

const skip = testDatabase().kind === 'pglite' && 'the witness has a connection of its own'

async function open(t: TestContext): Promise<{ load: LoadClient; witness: StateWitness }> {
  const endings: (() => Promise<void>)[] = []
  // Asked for first, so that all is closed before the database is dropped.
  t.after(async () => {
    for (const end of endings) await end()
  })
  const database = await freshDatabase()
  const load = await LoadClient.open(database, { work: { partitions: 3 } })
  const witness = new StateWitness(database)
  endings.push(
    () => load.close(),
    () => witness.close(),
  )
  return { load, witness }
}

const anyKey = (): string => `k-${Math.floor(Math.random() * 10)}`

test('the witness finds what is in the log, in a lane and tracked, each once', { skip }, async (t) => {
  const { load, witness } = await open(t)
  await load.send(30, anyKey)
  await load.send(5, anyKey, { delayMs: 3_600_000 })
  const ids = load.accepted.map(({ id }) => id)
  assert.deepEqual(await witness.count(), { untracked: 35 })
  assert.deepEqual(new Set(await witness.look(ids)), new Set(['ready', 'scheduled']))
  // One more index than the row of the log has.
  const nobody = `${ids[0]?.slice(0, 33)}fff`
  assert.deepEqual(await witness.look([nobody]), [undefined])
  const standing = await witness.standing([...ids, nobody])
  assert.deepEqual([standing.byState, standing.isThere], [{ untracked: 36 }, 35])
  assert.deepEqual([...standing.openIds].toSorted(), ids.toSorted())

  // As an indexer does, and a settle.
  await load.query(
    `insert into coatcheck.tracked_item (id, queue, definition, state, attempts, enqueued_at, ended_at)
     select id, 1, 'chaos', case when nth <= 10 then 'succeeded' else 'running' end, 1, now(), case when nth <= 10 then now() end
     from unnest($1::uuid[]) with ordinality as i(id, nth) where nth <= 20`,
    [ids],
  )
  assert.deepEqual(await witness.count(), { succeeded: 10, running: 10, untracked: 15 })
  assert.equal(await witness.ended(), 10)
  const later = await witness.standing(ids)
  assert.deepEqual([later.byState, later.isThere], [{ succeeded: 10, running: 10, untracked: 15 }, 35])
  assert.deepEqual([...later.openIds].toSorted(), ids.slice(10).toSorted())

  await load.query('delete from coatcheck.waiting_item')
  assert.deepEqual(await witness.count(), { succeeded: 10, running: 10, untracked: 10 })
  assert.equal((await witness.standing(ids)).isThere, 30)
})

test('the witness is heard again after its connections were lost', { skip }, async (t) => {
  const { load, witness } = await open(t)
  await load.send(3, anyKey)
  await Promise.all([witness.count(), witness.ended()])
  await load.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chaos-admin'`,
  )
  assert.deepEqual(await witness.count(), { untracked: 3 })
})

test('what is counted is held against what was handed over', { skip }, async (t) => {
  const { load, witness } = await open(t)
  const watch = new StateWatch(load, witness, Math.random)
  await load.send(30, anyKey)
  await load.enqueueBeside([{ key: 'beside', n: 1 }])
  load.expect(2)
  await watch.count()
  await watch.look()
  assert.deepEqual(
    watch.counts.map(({ fewest, most, byState }) => ({ fewest, most, byState })),
    [{ fewest: 31, most: 33, byState: { untracked: 31 } }],
  )
  assert.deepEqual(new Set(watch.samples.map(({ state }) => state)), new Set(['ready']))
})

test('what the console counts is held against what is there', { skip }, async (t) => {
  const { load, witness } = await open(t)
  await load.send(5, anyKey, { delayMs: 3_600_000 })
  const standing = await witness.standing(load.accepted.map(({ id }) => id))
  assert.deepEqual((await consoleFigure(witness, standing.byState, 8_000)).value, '0')
  // Kept from being counted anew.
  await load.query(`update coatcheck.queue_count set n = 7`)
  await load.query(`update coatcheck.count_pass set counted_at = now() + interval '1 hour'`)
  assert.equal((await consoleFigure(witness, standing.byState, 0)).value, '7 in the lane, where 5 are')
})
