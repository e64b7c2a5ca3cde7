import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { maxOpenActs, OpenActs } from '../../src/engine/open-acts.ts'
import { engineOf } from '../../src/node.ts'
import type { OpenAct } from '../../src/store/acts.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { intercept } from './faults.ts'

const quiet = { info() {}, warn() {}, error() {} }
const large = 900_000
/** What acts carry into settles at once, and one item more, in the log, in the tracked items and as it was before. */
const mostAtOnce = 4_000_000 + 3 * large

/** The most characters that a settle of acts was sent with, and that a statement about their items answered. */
function watchSizes(t: TestContext, node: TestNode): { sent: number; read: number; settles: number } {
  const most = { sent: 0, read: 0, settles: 0 }
  const stop = intercept(node, async (name, proceed, values) => {
    if (/^settle-\d.*-acts/.test(name)) {
      most.settles++
      most.sent = Math.max(most.sent, JSON.stringify(values).length)
    }
    const rows = await proceed()
    if (/^(locate-items|entries-of-items)/.test(name))
      most.read = Math.max(most.read, JSON.stringify(rows).length)
    return rows
  })
  t.after(stop)
  return most
}

test(
  'acts on large items are settled a few at a time, wherever the items lie',
  { timeout: 120_000 },
  async (t) => {
    const started = signal()
    const go = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.object({ what: z.string() }),
      concurrency: 1,
      process: async ({ what }) => {
        if (what.startsWith('rejected')) throw new Reject('no')
        started.give()
        await go.promise
      },
    })
    const node = await setup(t, [step], { log: quiet })
    t.after(() => go.give())
    const released: string[] = []
    node.events.listen((name) => {
      if (name === 'partition.released') released.push(name)
    })
    const inputs = (what: string) => Array.from({ length: 10 }, () => ({ what: what.padEnd(large, 'x') }))
    const { acts } = engineOf(node)
    const most = watchSizes(t, node)
    const all = async (kind: 'cancel' | 'requeue', ids: readonly string[]) => {
      most.settles = 0
      const asked = await acts.askMany(kind, ids, {}, {}, 30_000)
      assert.deepEqual(new Set(asked.map(({ verdict }) => verdict)), new Set(['applied']))
      assert.ok(most.settles >= 2, `${kind}: ${most.settles} settles`)
      assert.ok(most.sent < mostAtOnce, `${kind}: ${most.sent} characters in one settle`)
      assert.ok(most.read < mostAtOnce, `${kind}: ${most.read} characters in one answer`)
    }
    const broken = await node.enqueueMany(step, inputs('rejected'))
    await node.drain()
    await node.enqueue(step, { what: 'blocks' })
    await started.promise
    await all('requeue', broken)
    await all(
      'cancel',
      await Promise.all(inputs('late').map((input) => node.enqueue(step, input, { delay: '1 day' }))),
    )
    await all('cancel', await node.enqueueMany(step, inputs('ready')))
    assert.deepEqual(released, [])
    go.give()
  },
)

test(
  'acts that wait for their items hold up no others, whatever is asked again',
  { timeout: 60_000 },
  async (t) => {
    const go = signal()
    const started = signal()
    let running = 0
    const step = defineQueueProcessor({
      name: 'step',
      input: z.number(),
      dedicated: { partitions: 1 },
      concurrency: 700,
      process: async () => {
        if (++running === 600) started.give()
        await go.promise
      },
    })
    const node = await setup(t, [step], { maxUnsettled: 5_000 })
    t.after(() => go.give())
    const ids = await node.enqueueMany(
      step,
      Array.from({ length: 600 }, (_, n) => n),
    )
    const delayed = await node.enqueue(step, 600, { delay: '1 day' })
    await started.promise
    const { acts } = engineOf(node)
    for (let time = 0; time < 2; time++) await acts.askMany('cancel', ids, {}, {}, 0)
    assert.equal((await node.cancel(delayed)).verdict, 'applied')
    // A loop that finds nothing new goes to sleep between its passes.
    const passes: number[] = []
    const enough = signal()
    const stop = intercept(node, async (name, proceed) => {
      if (name === 'open-acts' && passes.push(performance.now()) === 9) enough.give()
      assert.ok(name !== 'locate-items', 'what runs and has been told is not looked up')
      return proceed()
    })
    await enough.promise
    stop()
    const waits = passes.slice(1).map((at, n) => at - passes[n]!)
    assert.ok(waits.filter((wait) => wait > 100).length >= 4, `passes after ${waits.join(', ')} ms`)
    go.give()
  },
)

test(
  'acts that wait until the log has been read are not looked up before',
  { timeout: 60_000 },
  async (t) => {
    const go = signal()
    const started = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.object({ key: z.string() }),
      key: ({ key }) => key,
      dedicated: { partitions: 1 },
      concurrency: 1,
      process: async () => {
        started.give()
        await go.promise
      },
    })
    const node = await setup(t, [step])
    t.after(() => go.give())
    // So many are ready that no more are read.
    const keys = (of: string) => Array.from({ length: 2_500 }, (_, n) => ({ key: `${of}${n}` }))
    await node.enqueueMany(step, keys('read'))
    await started.promise
    const unread = (await node.enqueueMany(step, keys('unread'))).slice(-500)
    const { acts } = engineOf(node)
    const deferred = await acts.askMany('defer', unread, {}, {}, 1_000)
    assert.ok(deferred.every(({ verdict }) => verdict === null))
    let lookUps = 0
    const passes = signal()
    let left = 5
    const stop = intercept(node, async (name, proceed) => {
      if (name === 'locate-items' || name === 'log-rows-of-items') lookUps++
      if (name === 'open-acts' && --left === 0) passes.give()
      return proceed()
    })
    await passes.promise
    stop()
    assert.equal(lookUps, 0)
    go.give()
    await node.drain({ timeout: '30s' })
    const states = new Set(await acts.states(unread))
    assert.deepEqual(states, new Set(['deferred']))
  },
)

test('the acts of one item stay in their order, and a partition keeps so many in memory', () => {
  const open = new OpenActs()
  const act = (n: number, item: string): OpenAct => ({
    id: `act ${n}`,
    item,
    queue: 1,
    partition: 0,
    kind: 'cancel',
    arguments: null,
    operator: null,
    reason: null,
  })
  const [one, two, other] = [act(1, 'a'), act(2, 'a'), act(3, 'b')]
  assert.deepEqual(
    [one, two, other, two].map((each) => open.note(each)),
    [true, true, true, false],
  )
  assert.deepEqual([open.size, open.ids()], [3, ['act 1', 'act 2', 'act 3']])
  assert.deepEqual(
    open.firsts().map((pending) => pending.act),
    [one, other],
  )
  open.end(one)
  open.end(one)
  assert.deepEqual(
    [open.size, open.of('a').map((pending) => pending.act), open.find(one)],
    [2, [two], undefined],
  )
  open.end(two)
  assert.deepEqual([open.size, open.of('a')], [1, []])
  for (let n = 0; n < maxOpenActs; n++) open.note(act(10 + n, 'c'))
  assert.deepEqual([open.size, open.isFull, open.note(act(9, 'd'))], [maxOpenActs, true, false])
})
