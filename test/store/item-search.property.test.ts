import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countStates, findItems } from '../../src/engine/item-search.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { ItemFilter } from '../../src/store/item-filter.ts'
import { freshPlace } from '../flows/setup.ts'
import { isMeant, makeItems, storeItems, traceOf } from './searched-items.ts'

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 150)
const count = 3_000
const now = Date.UTC(2026, 10, 20)

const maybe = <T>(value: fc.Arbitrary<T>, weight = 1) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight, arbitrary: value })
const states = ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled']
const times = fc.integer({ min: now - 31 * 86_400_000, max: now })

const filters = fc.record({
  states: maybe(fc.uniqueArray(fc.constantFrom(...states), { maxLength: 4 }), 6),
  queue: maybe(fc.constantFrom(1, 2, 3, 4)),
  definitions: maybe(fc.constantFrom(['work-1'], ['everywhere'], ['rare', 'service:rare'], ['none'])),
  key: maybe(fc.constantFrom('a', 'ab', 'key-7', 'nobody')),
  keyPrefix: maybe(fc.constantFrom('a', 'ab', 'b%', 'key-', 'z', '\u{10ffff}')),
  correlationId: maybe(fc.constantFrom('c-1', 'ü', 'c-100', 'none')),
  causationId: maybe(fc.constantFrom('p-1', 'none')),
  traceId: maybe(fc.constantFrom(traceOf(7), traceOf(999))),
  caller: maybe(fc.constantFrom('key:a', 'none')),
  accessGroup: maybe(fc.constantFrom('north', 'none')),
  errorCode: maybe(fc.constantFrom('TIMEOUT', 'none')),
  text: maybe(fc.constantFrom('needle', 'PER%', 'a "quo', '_', 'nowhere')),
  enqueuedAfter: maybe(times),
  enqueuedBefore: maybe(times),
})

test('a search finds what is meant, whatever is combined, page by page', { timeout: 240_000 }, async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  let seed = 4711
  const items = makeItems(count, now, () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647)
  await storeItems(database, items)
  await fc.assert(
    fc.asyncProperty(
      filters,
      fc.constantFrom('newest', 'oldest'),
      fc.constantFrom(3, 50, 5_000),
      async (given, order, limit) => {
        const filter = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== undefined),
        ) as ItemFilter
        const meant = items.filter((item) => isMeant(item, filter)).map(({ id }) => id)
        const expected = order === 'newest' ? meant.toReversed() : meant
        const found: string[] = []
        let after: string | undefined
        do {
          const page = await findItems(database, filter, { order, limit, after })
          assert.ok(page.ids.length <= limit)
          assert.ok(!page.isCut)
          found.push(...page.ids)
          after = page.next
          // A page is enough of those that are long.
        } while (after !== undefined && found.length < 60)
        assert.deepEqual(found, expected.slice(0, found.length))
        if (after === undefined) assert.equal(found.length, expected.length)
        // Counted in another way, where the filter allows it.
        const counts = await countStates(database, filter, filter.states ?? states, 10_000, Infinity)
        for (const [state, { count, isAtLeast }] of counts)
          assert.deepEqual(
            [state, count, isAtLeast],
            [state, items.filter((item) => item.state === state && isMeant(item, filter)).length, false],
          )
      },
    ),
    { numRuns, seed: Number(process.env['PROPERTY_SEED'] ?? 42) },
  )
})

test(
  'a search whose time is over says how far it looked, and goes on from there',
  { timeout: 60_000 },
  async (t) => {
    const database = await openDatabase(await freshPlace())
    t.after(() => database.driver.close())
    let seed = 1
    const items = makeItems(count, now, () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647)
    await storeItems(database, items)
    const filter = { text: 'rare word' }
    const expected = items.filter((item) => isMeant(item, filter)).map(({ id }) => id)
    const found: string[] = []
    let cuts = 0
    let after: string | undefined
    do {
      const page = await findItems(database, filter, { order: 'oldest', limit: 50, after, budgetMs: 0 })
      if (page.isCut) cuts++
      found.push(...page.ids)
      after = page.next
    } while (after !== undefined)
    assert.ok(cuts > 0)
    assert.deepEqual(found, expected)
  },
)
