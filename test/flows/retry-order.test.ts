import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as work } from 'node:timers/promises'
import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor } from '../../src/index.ts'
import { checkHistory } from '../chaos/check-history.ts'
import type { ItemName } from '../chaos/history.ts'
import { Recorder } from '../chaos/recorder.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { freshDatabase, testDatabase } from '../databases.ts'

const limits = { rerunsPerLoss: 0, restartMs: 0 }

describe('items of a key in the lane', () => {
  it('are neither overtaken nor forgotten when attempts fail', async () => {
    const items = Array.from({ length: 900 }, (_, at) => ({
      key: `k${at % 60}`,
      n: Math.floor(at / 60) + 1,
    }))
    await run(items, () => Math.random() < 0.3)
  })

  it('keep their order when thousands of one key wait there', async () => {
    const items = Array.from({ length: 2200 }, (_, at) => ({ key: 'hot', n: at + 1 }))
    const others = Array.from({ length: 100 }, (_, at) => ({
      key: `k${at % 20}`,
      n: Math.floor(at / 20) + 1,
    }))
    // Everything behind the first one is held, and goes to the lane.
    await run([...items, ...others], ({ key, n }, attempt) => key === 'hot' && n % 1100 === 1 && attempt < 3)
  })

  it('wait for one of them that fails, also where more of the key come in meanwhile', async () => {
    const items = Array.from({ length: 2240 }, (_, at) => ({ key: 'hot', n: at + 1 }))
    const fails = ({ n }: ItemName, attempt: number): boolean =>
      n === 1 ? attempt < 5 : n % 40 === 5 && attempt < 2
    await run(items.slice(0, 2200), fails, items.slice(2200))
  })
})

/**
 * Runs the items on one node, whose handlers fail where they are told, and checks the history.
 * @param late more of them: the next one comes whenever an attempt has failed
 */
async function run(
  items: readonly ItemName[],
  fails: (item: ItemName, attempt: number) => boolean,
  late: readonly ItemName[] = [],
) {
  const recorder = new Recorder()
  let arrived = 0
  const processor = defineQueueProcessor({
    name: 'flaky',
    input: z.object({ key: z.string(), n: z.int() }),
    key: (input) => input.key,
    concurrency: 40,
    retry: { maxAttempts: 20, initialDelay: '20 ms', factor: 1 },
    async process(input, ctx) {
      recorder.tell('start', input, ctx)
      await work(Math.random() * 2)
      const isFailing = fails(input, ctx.attempt)
      recorder.tell(isFailing ? 'fail' : 'end', input, ctx)
      if (!isFailing) return
      // Not while the others are still on their way in.
      const next = input.n > 1 ? late[arrived++] : undefined
      if (next) setTimeout(() => void node.enqueue(processor, next), 8)
      throw new Error('This attempt fails.')
    },
  })
  const database =
    testDatabase().kind === 'pglite'
      ? { database: 'embedded', directory: 'memory://' }
      : { database: await freshDatabase() }
  const node = await createNode({
    ...database,
    applications: [defineApplication({ name: 'retries', definitions: [processor] })],
    http: false,
  })
  try {
    await node.start()
    for (let at = 0; at < items.length; at += 500)
      await node.enqueueMany(processor, items.slice(at, at + 500))
    await waitUntil('all have ended', 60_000, () => recorder.ended === items.length + late.length)
    const accepted = [...items, ...late]
    const { violations } = checkHistory({ accepted, events: recorder.events, limits })
    assert.deepEqual(violations, [])
  } finally {
    await node.stop()
  }
}
