import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { createNode, type Node } from '../../src/node.ts'
import { startChild, type Child } from '../store/child.ts'
import { until } from '../store/until.ts'
import { app, step } from './blocking-owner.ts'
import { skipped } from './chaos-setup.ts'
import { freshPlace } from './setup.ts'

const owner = new URL('./blocking-owner.ts', import.meta.url)

async function open(t: TestContext): Promise<{ client: Node; start: () => Child }> {
  const { database, schema } = await freshPlace()
  const client = await createNode({ applications: [app], database, schema, http: false, log: false })
  t.after(() => client.stop())
  return { client, start: () => startChild(t, owner, [database, schema]) }
}

const all = (key: string, ...whats: string[]) => whats.map((what) => ({ key, what }))

test(
  'a key stays blocked when its owner is killed, and acts asked for meanwhile open it',
  { skip: skipped, timeout: 90_000 },
  async (t) => {
    const { client, start } = await open(t)
    const first = start()
    assert.equal(await first.line(), 'started')
    const [broken, next] = await client.enqueueMany(step, all('a', 'breaks', 'next'))
    assert.equal(await first.line(), 'breaks')
    const [released] = await client.enqueueMany(step, all('b', 'breaks', 'after'))
    assert.equal(await first.line(), 'breaks')
    await until('both keys are blocked', async () => (await client.blockedKeys()).length === 2)
    await first.kill()
    await client.enqueueMany(step, [...all('a', 'later'), ...all('c', 'other')])
    // The dead one owns its partitions for as long as its lease runs.
    assert.equal((await client.release(released!)).verdict, 'pending')
    const second = start()
    assert.equal(await second.line(), 'started')
    assert.deepEqual([await second.line(), await second.line()].toSorted(), ['after', 'other'])
    assert.deepEqual(
      (await client.blockedKeys()).map(({ key, item }) => [key, item]),
      [['a', broken]],
    )
    assert.equal((await client.item(broken!))?.state, 'broken')
    assert.equal((await client.item(next!))?.state, 'held')
    assert.equal((await client.requeue(broken!, { input: { key: 'a', what: 'mended' } })).verdict, 'applied')
    assert.deepEqual(
      [await second.line(), await second.line(), await second.line()],
      ['mended', 'next', 'later'],
    )
  },
)

test(
  'an item that takes its node down blocks its key; requeued at once it has not killed yet',
  { skip: skipped, timeout: 180_000 },
  async (t) => {
    const { client, start } = await open(t)
    const [poison] = await client.enqueueMany(step, all('a', 'kills', 'next'))
    const state = async (): Promise<string | undefined> => (await client.item(poison!))?.state
    let last: Child | undefined
    while ((await state()) !== 'broken') {
      last = start()
      const died = once(last.process, 'exit')
      let hasDied = false
      void died.then(() => (hasDied = true))
      // Whoever is alive when it is broken has broken it.
      while (!hasDied && (await state()) !== 'broken') await client.query('select pg_sleep(0.05)')
    }
    const [blocked] = await client.blockedKeys()
    assert.deepEqual([blocked?.item, blocked?.failure.code], [poison, 'CRASHES_NODE'])
    await client.requeue(poison!, { input: { key: 'a', what: 'mended' } })
    assert.deepEqual(
      [await last?.line(), await last?.line(), await last?.line()],
      ['started', 'mended', 'next'],
    )
    assert.equal((await client.result(poison!, { wait: '20s' })) ?? 'done', 'done')
    assert.deepEqual(await client.blockedKeys(), [])
  },
)
