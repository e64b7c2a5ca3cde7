import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { findItems } from '../../src/engine/item-search.ts'
import { defineQueueProcessor } from '../../src/index.ts'
import { engineOf } from '../../src/node.ts'
import { SeenItems } from '../../src/operate/items.ts'
import { setupItems } from './item-setup.ts'

/** As much as one attempt may say. */
const talk = defineQueueProcessor({
  name: 'talk',
  input: z.object({ pin: z.string(), isOpen: z.boolean() }),
  secret: ['/pin'],
  retry: { maxAttempts: 2, initialDelay: '1 hour' },
  process: ({ pin, isOpen }, { log, attempt }) => {
    for (let line = 1; line <= 1_000; line++) log(`${attempt}: ${line} with ${pin}`)
    if (!isOpen) throw new Error(`closed ${attempt}`)
  },
})

const store = defineQueueProcessor({
  name: 'store',
  input: z.object({ pin: z.string(), text: z.string() }),
  maxPayload: '8 MB',
  secret: ['/pin'],
  process: () => {},
})

test(
  'what happened to an item is told whatever its handler wrote, and so is what is left out',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupItems(t, {}, [talk])
    const id = await node.enqueue(talk, { pin: '8305-one', isOpen: false })
    await node.drain()
    await node.advance('2 hours')
    await node.drain()
    await node.requeue(id, { input: { pin: '4711-two', isOpen: true } })
    await node.drain()
    interface Entry {
      readonly kind: string
      readonly attempt: number
      readonly message: string
      readonly data?: unknown
    }
    const { body } = await ask<{ timeline: Entry[] }>('operator', `/items/${id}`)
    const told = body.timeline.filter(({ kind }) => kind !== 'log')
    assert.deepEqual(
      told.map(({ kind, attempt }) => `${kind} ${attempt}`),
      [
        'accepted 0',
        'started 1',
        'gap 1',
        'failed 1',
        'started 2',
        'broken 2',
        'act 0',
        'started 1',
        'succeeded 1',
      ],
    )
    const gap = told.find(({ kind }) => kind === 'gap')
    assert.equal(gap?.message, '2000 lines of its log are left out here')
    assert.deepEqual(gap?.data, { count: 2_000, isAtLeast: false })
    const lines = body.timeline.filter(({ kind }) => kind === 'log').map(({ message }) => message)
    assert.equal(lines.length, 1_000)
    assert.deepEqual([lines[0], lines.at(-1)], ['1: 1 with •••', '1: 1000 with •••'])
    assert.doesNotMatch(JSON.stringify(body), /8305|4711/)
  },
)

test('a search looks at what is hidden no longer than it may', { timeout: 60_000 }, async (t) => {
  const { node } = await setupItems(t, {}, [store])
  const long = 'x'.repeat(1_500_000)
  const ids: string[] = []
  for (const pin of ['a', 'b', 'c', 'd', 'e']) ids.push(await node.enqueue(store, { pin, text: long }))
  await node.drain()
  const road = engineOf(node)
  const operator = { id: 'user:ada', name: 'ada', role: 'operator' } as const
  const items = new SeenItems({ database: road.database, road }, operator)
  const filter = await items.readFilter({ text: 'xxx' })
  const keep = items.keep(filter)
  // Two of them are as many characters as are read at once.
  assert.deepEqual(await keep?.(ids, () => true), { ids: ids.slice(0, 2), lookedAt: 2 })
  assert.deepEqual(await keep?.(ids, () => false), { ids, lookedAt: 5 })
  const options = { order: 'oldest', limit: 10, budgetMs: 0, keep } as const
  const first = await findItems(road.database, filter, options)
  assert.deepEqual(first, { ids: ids.slice(0, 2), next: ids[1], isCut: true })
  const rest = await findItems(road.database, filter, { ...options, budgetMs: 60_000, after: first.next })
  assert.deepEqual(rest, { ids: ids.slice(2), next: undefined, isCut: false })
  // What is looked at does not depend on what is secret.
  const guess = async (text: string) =>
    findItems(road.database, await items.readFilter({ text }), { ...options, keep: items.keep({ text }) })
  assert.deepEqual(await guess('"pin":"a"'), await guess('"pin":"z"'))
})
