import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { answerLost, intercept } from './faults.ts'

const isSettleOfActs = (name: string) => /^settle-\d.*-acts/.test(name)

async function stage(t: TestContext) {
  const ran: string[] = []
  const started = signal()
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), what: z.string() }),
    key: ({ key }) => key,
    concurrency: 1,
    process: async ({ what }) => {
      if (what === 'rejected') throw new Reject('no')
      if (what === 'blocks') {
        started.give()
        await go.promise
      }
      ran.push(what)
    },
  })
  const node = await setup(t, [step])
  t.after(() => go.give())
  return { node, step, ran, started, go }
}

for (const isFirstCommitted of [true, false])
  test(
    `a settle of acts whose answer is lost is carried out once (the first ${isFirstCommitted ? 'had' : 'had not'} committed)`,
    { timeout: 60_000 },
    async (t) => {
      const { node, step, ran, started, go } = await stage(t)
      const broken = await node.enqueue(step, { key: 'x', what: 'rejected' })
      await node.drain()
      await node.enqueue(step, { key: 'a', what: 'blocks' })
      await started.promise
      const held = await node.enqueue(step, { key: 'a', what: 'held' })
      const edited = await node.enqueue(step, { key: 'a', what: 'to edit' })
      const delayed = await node.enqueue(step, { key: 'd', what: 'delayed' }, { delay: '1 hour' })
      const parked = await node.enqueue(step, { key: 'p', what: 'parked' }, { delay: '1 hour' })
      let lost = 0
      const fresh = new Set<string>()
      const stop = intercept(node, async (name, proceed, values) => {
        const text = String(values.find((value) => typeof value === 'string' && value.includes('"verdict":')))
        // Each of them fails once.
        if (!isSettleOfActs(name) || fresh.has(text)) return proceed()
        fresh.add(text)
        lost++
        if (isFirstCommitted) await proceed()
        throw answerLost()
      })
      assert.equal((await node.cancel(held)).verdict, 'applied')
      assert.equal((await node.edit(edited, { input: { key: 'a', what: 'edited' } })).verdict, 'applied')
      assert.equal((await node.cancel(delayed)).verdict, 'applied')
      assert.equal((await node.defer(parked)).verdict, 'applied')
      assert.equal((await node.requeue(broken, { input: { key: 'x', what: 'well' } })).verdict, 'applied')
      stop()
      assert.ok(lost >= 5, `${lost} were lost`)
      go.give()
      await node.drain()
      assert.deepEqual(ran.toSorted(), ['blocks', 'edited', 'well'])
      const events = async (id: string) => (await node.itemLog(id)).map(({ event }) => event)
      assert.deepEqual(await events(held), ['cancelled'])
      assert.deepEqual(await events(edited), ['edited'])
      assert.deepEqual(await events(parked), ['deferred'])
      assert.deepEqual(await events(broken), ['broken', 'requeued'])
      const { driver, schema } = engineOf(node).database
      const { rows } = await driver.query(
        `select count(*)::int as n from ${schema}.act where verdict = 'applied'`,
      )
      assert.equal(rows[0]!['n'], 5)
      // Nothing was lost with it: what is owned is so still.
      await node.resume(parked)
      await node.advance('2 hours')
      await node.drain()
      assert.ok(ran.includes('parked'))
    },
  )

test(
  'a cancel that races the end of its item: the verdict and the item agree',
  { timeout: 60_000 },
  async (t) => {
    const ran = new Set<number>()
    const asking = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.number(),
      concurrency: 5,
      process: async (n, { signal: told }) => {
        await asking.promise
        // Turns of the loop, not time: the cancel comes before, within and after it.
        for (let turn = 0; turn < n % 40; turn++) await new Promise(setImmediate)
        // Half of them do not listen.
        if (n % 2 === 0) told.throwIfAborted()
        ran.add(n)
      },
    })
    const node = await setup(t, [step])
    const { acts } = engineOf(node)
    const ids = await node.enqueueMany(
      step,
      Array.from({ length: 400 }, (_, n) => n),
    )
    // None has ended when they are asked; then all race.
    const stop = intercept(node, async (name, proceed) => {
      const rows = await proceed()
      if (name === 'ask-acts') asking.give()
      return rows
    })
    const asked = await acts.askMany('cancel', ids, {}, {}, 20_000)
    stop()
    await node.drain()
    assert.equal(asked.length, 400)
    const verdicts = new Map(asked.map(({ item, verdict }) => [item, verdict]))
    let applied = 0
    for (const [n, id] of ids.entries()) {
      const item = await node.item(id)
      const isCancelled = item?.state === 'cancelled'
      assert.equal(verdicts.get(id), isCancelled ? 'applied' : 'refused', `${n} is ${item?.state}`)
      if (isCancelled) applied++
      else assert.deepEqual([item?.state, ran.has(n)], ['succeeded', true])
      if (ran.has(n)) assert.equal(item?.state, 'succeeded')
    }
    assert.ok(applied > 0, 'no cancel came in time')
    assert.equal(applied + ran.size, 400)
  },
)
