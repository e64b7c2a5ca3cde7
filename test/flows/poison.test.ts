import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Node } from '../../src/index.ts'
import type { Deed } from '../chaos/deeds.ts'
import { PoisonRun } from '../chaos/poison-run.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { freshDatabase, testDatabase } from '../databases.ts'

const isEmbedded = testDatabase().kind === 'pglite'
/** A death costs the lease of the node, 8 s, until another one goes on. */
const timeout = 280_000
/** It takes the heartbeat 30 s to give up on a node, and the lease 8 s more; five times. */
const isShort =
  process.env['COATCHECK_LONG'] === undefined && 'it takes four minutes; COATCHECK_LONG=1 runs it'
const needsServer = isEmbedded && 'an embedded database has one process; this needs a server'

/** What an item may take with it: the first death, the one that shows what ran, and three that are charged. */
const deathsOfOne = 5

describe('items that take their node down', { skip: needsServer, timeout: 5 * timeout }, () => {
  it(
    'one that ends the process, among items with keys, is broken after three crashes charged to it',
    { timeout },
    async (t) => {
      await poison(t, { items: 2_000, keys: 200, deeds: ['exit'] })
    },
  )

  it(
    'two at once, one of which fills the memory, among items without keys, are each found',
    { timeout },
    async (t) => {
      await poison(t, { items: 2_000, keys: 0, deeds: ['memory', 'rejection'] })
    },
  )

  it(
    'one that is killed from outside each time, and one that kills from the lane, are found',
    { timeout },
    async (t) => {
      await poison(t, { items: 2_000, keys: 200, deeds: ['kill', 'late'] })
    },
  )

  it('one that holds the event loop is found by the node itself', { timeout, skip: isShort }, async (t) => {
    await poison(t, { items: 500, keys: 50, deeds: ['loop'], processes: 1 })
  })

  it(
    'one that ends the process is found beside one whose handler never settles',
    { timeout, skip: isShort },
    async (t) => {
      await poison(t, { items: 500, keys: 50, deeds: [], processes: 1, behindHanging: ['exit'] })
    },
  )

  it('a restart that was asked for charges nobody, and nothing is marked', async (t) => {
    const run = await open(t)
    await run.supervise(2)
    await run.client(async (node) => {
      await run.submit(node, { items: 4_000, keys: 200, poison: [] })
      await run.restart(0)
      await run.restart(1)
      await ended(run, node, 60_000)
      assert.deepEqual(
        run.news.filter(({ event }) => event !== 'ready'),
        [],
      )
      assert.deepEqual(await counts(node), { marks: 0, suspects: 0, unclean: 0 })
    })
    assert.deepEqual(run.violations(), [])
    assert.equal(run.deaths, 0)
  })

  it('a node that dies with nothing to blame leaves nothing behind', async (t) => {
    const run = await open(t)
    await run.supervise(2)
    await run.client(async (node) => {
      await run.submit(node, { items: 4_000, keys: 200, poison: [] })
      run.kill(0)
      await ended(run, node, 60_000)
      await waitUntil('all is as usual', 20_000, async () => (await counts(node)).unclean === 0)
      await waitUntil('nothing is marked', 20_000, async () => (await counts(node)).marks === 0)
      assert.equal((await counts(node)).suspects, 0)
      assert.ok(run.news.some(({ data }) => data['mode'] === 'marking'))
      assert.deepEqual(await charges(node), new Map())
    })
    assert.deepEqual(run.violations(), [])
  })
})

describe(
  'an item that takes its process down, with the embedded database',
  { skip: !isEmbedded && 'it is about PGlite' },
  () => {
    it('is broken after three crashes charged to it', async (t) => {
      const run = await PoisonRun.open(undefined)
      t.after(() => run.stop())
      const id = await run.client(async (node) => {
        await run.submit(node, { items: 300, keys: 30, poison: ['exit'] })
        return run.submitted.find(({ deed }) => deed)?.id as string
      })
      await run.supervise(1)
      // Who looks would be in the way: the database has one process.
      await waitUntil('the healthy ones have ended', 120_000, async () => healthyEnded(run))
      await waitUntil('it has died often enough', 10_000, async () => run.deaths >= 4)
      await run.stopProcesses()
      await run.client(async (node) => {
        const item = await node.item(id)
        t.diagnostic(`${run.deaths} deaths`)
        assert.equal(item?.state, 'broken')
        assert.equal((await failureOf(node, id))?.code, 'CRASHES_NODE')
        assert.deepEqual(await charges(node), new Map([[id, 3]]))
      })
      assert.ok(run.deaths <= deathsOfOne)
      assert.deepEqual(run.violations(), [])
    })
  },
)

async function open(t: TestContext): Promise<PoisonRun> {
  const runs: PoisonRun[] = []
  t.after(() => runs[0]?.stop())
  const run = await PoisonRun.open(await freshDatabase())
  runs.push(run)
  return run
}

async function poison(
  t: TestContext,
  {
    items,
    keys,
    deeds,
    processes = 2,
    behindHanging = [],
  }: {
    readonly items: number
    readonly keys: number
    readonly deeds: readonly Deed[]
    readonly processes?: number
    /** These come in a queue of their own behind one whose handler never settles, and which is there to the end. */
    readonly behindHanging?: readonly Deed[]
  },
): Promise<void> {
  const run = await open(t)
  const all = [...deeds, ...behindHanging]
  await run.client(async (node) => {
    if (behindHanging.length > 0) await run.submitBehindHanging(node, behindHanging)
    await run.submit(node, { items, keys, poison: deeds })
    const began = performance.now()
    await run.supervise(processes)
    await ended(run, node, 270_000)
    const seconds = Math.round((performance.now() - began) / 1000)
    t.diagnostic(`${all.join(', ')} among ${items}: ${run.deaths} deaths of nodes in ${seconds} s`)

    const bad = run.submitted.filter(({ deed }) => deed)
    assert.equal(bad.length, all.length)
    for (const { id, deed } of bad) {
      const item = await node.item(id)
      assert.equal(item?.state, 'broken', `${deed} is ${item?.state}`)
      assert.equal((await failureOf(node, id))?.code, 'CRASHES_NODE')
      // Apart from its attempts.
      assert.equal(item.attempts, deed === 'late' ? 1 : 0)
    }
    assert.deepEqual(await charges(node), new Map(bad.map(({ id }) => [id, 3])))
    // What never ends stays suspected.
    if (behindHanging.length > 0) return
    await waitUntil('all is as usual', 20_000, async () => (await counts(node)).unclean === 0)
    await waitUntil('nothing is marked', 20_000, async () => (await counts(node)).marks === 0)
    assert.equal((await counts(node)).suspects, 0)
  })
  assert.deepEqual(run.violations(), [])
  assert.ok(run.deaths <= deathsOfOne * all.length, `${run.deaths} deaths`)
}

/** Resolves when the healthy ones have succeeded and the others are broken. */
async function ended(run: PoisonRun, node: Node, waitMs: number): Promise<void> {
  const healthy = run.submitted.filter(({ deed }) => !deed).map(({ id }) => id)
  const bad = run.submitted.filter(({ deed }) => deed).map(({ id }) => id)
  const standing = async (): Promise<{ succeeded: number; broken: number }> => {
    const { rows } = await node.query(
      `select count(*) filter (where state = 'succeeded' and id = any ($1))::int as succeeded,
         count(*) filter (where state = 'broken')::int as broken
       from coatcheck.tracked_item`,
      [healthy],
    )
    return rows[0] as { succeeded: number; broken: number }
  }
  await waitUntil('all have ended', waitMs, async () => {
    const { succeeded, broken } = await standing()
    assert.ok(broken <= bad.length, `${broken} are broken, and ${bad.length} should be`)
    return succeeded === healthy.length && broken >= bad.length
  })
  assert.equal((await standing()).broken, bad.length)
}

function healthyEnded(run: PoisonRun): boolean {
  const done = new Set(
    run.history().flatMap((event) => (event.op === 'end' ? [`${event.key}#${event.n}`] : [])),
  )
  return run.submitted.every(({ key, n, deed }) => deed !== undefined || done.has(`${key}#${n}`))
}

/** Crashes charged, by item, as the items' logs tell. */
async function charges(node: Node): Promise<Map<string, number>> {
  const { rows } = await node.query(
    `select id, count(*)::int as crashes from coatcheck.item_log where event = 'crashed-node' group by id`,
  )
  return new Map((rows as { id: string; crashes: number }[]).map(({ id, crashes }) => [id, crashes]))
}

async function failureOf(node: Node, id: string): Promise<{ code: string } | undefined> {
  const { rows } = await node.query('select failure from coatcheck.broken_item where id = $1', [id])
  const [row] = rows as { failure: string }[]
  return row && (JSON.parse(row.failure) as { code: string })
}

async function counts(node: Node): Promise<{ marks: number; suspects: number; unclean: number }> {
  const { rows } = await node.query(
    `select (select count(*) from coatcheck.crash_mark)::int as marks,
       (select count(*) from coatcheck.suspect_item)::int as suspects,
       (select count(*) from coatcheck.partition where unclean_at is not null)::int as unclean`,
  )
  return rows[0] as { marks: number; suspects: number; unclean: number }
}
