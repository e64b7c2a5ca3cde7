import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNode } from '../../src/node.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { startChild, type Child } from '../store/child.ts'
import { app, step } from './act-owner.ts'
import { skipped } from './chaos-setup.ts'
import { freshPlace } from './setup.ts'

const owner = new URL('./act-owner.ts', import.meta.url)

test(
  'acts that were asked for before their owner was killed are done before anything of it starts again',
  { skip: skipped, timeout: 90_000 },
  async (t) => {
    const { database, schema } = await freshPlace()
    const client = await createNode({ applications: [app], database, schema, http: false })
    t.after(() => client.stop())
    const start = (): Child => startChild(t, owner, [database, schema])
    const first = start()
    assert.equal(await first.line(), 'started')
    const running = await client.enqueue(step, { key: 'a', what: 'blocks' })
    assert.equal(await first.line(), 'blocks')
    const [cancelled, edited, parked, last] = await client.enqueueMany(
      step,
      ['cancelled', 'to edit', 'parked', 'last'].map((what) => ({ key: 'a', what })),
    )
    const delayed = await client.enqueue(step, { key: 'b', what: 'delayed' }, { delay: '1 hour' })
    // Frozen, it owns its partitions for as long as its lease runs: nobody can decide.
    first.process.kill('SIGSTOP')
    for (const act of await Promise.all([
      client.cancel(running, { operator: 'ada' }),
      client.cancel(cancelled!),
      client.defer(parked!),
      client.cancel(delayed),
    ]))
      assert.equal(act.verdict, 'pending')
    await first.kill()
    const second = start()
    assert.equal(await second.line(), 'started')
    // Its key's first is cancelled before it starts again; the one behind the deferred one is held by it.
    assert.equal(await second.line(), 'to edit')
    await client.result(edited!, { wait: '20s' })
    const states = async () =>
      Promise.all(
        [running, cancelled, edited, parked, last, delayed].map(
          async (id) => (await client.item(id!))?.state,
        ),
      )
    assert.deepEqual((await states()).slice(0, 4), ['cancelled', 'cancelled', 'succeeded', 'deferred'])
    // Of another partition, which may have been taken over later.
    await waitUntil('the delayed item is cancelled', 20_000, async () => (await states())[5] === 'cancelled')
    assert.equal((await client.resume(parked!)).verdict, 'applied')
    assert.equal(await second.line(), 'parked')
    assert.equal(await second.line(), 'last')
    await client.result(last!, { wait: '20s' })
    const lines = await client.itemLog(running)
    assert.deepEqual(
      lines.filter(({ event }) => event === 'cancelled').map(({ message }) => message),
      ['cancelled by ada'],
    )
  },
)
