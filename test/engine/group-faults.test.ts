import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { CoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import type { Driver, Transaction } from '../../src/store/driver.ts'
import { setup } from '../flows/setup.ts'

const busy = (): Error =>
  Object.assign(new CoatcheckError('DATABASE_TIMEOUT', 'No connection to the database was free'), {
    ambiguous: false,
  })
const locked = (): Error =>
  Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })

/** Runs items with `atCommit`; their first transactions meet the fault. */
async function run(
  t: TestContext,
  items: number,
  { onBorrow, onSettle, onWrite }: Partial<Record<'onBorrow' | 'onSettle' | 'onWrite', () => Error>>,
) {
  let faults = 0
  let hasRun = false
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    retry: { maxAttempts: 1 },
    process: (_, { atCommit }) => {
      hasRun = true
      atCommit(async (tx) => {
        if (onWrite && faults++ === 0) throw onWrite()
        await tx.query('select 1')
      })
    },
  })
  const node = await setup(t, [step])
  const { driver } = engineOf(node).database
  const transaction = driver.transaction.bind(driver)
  const meet: Driver['transaction'] = async (work, options) => {
    if (onBorrow && hasRun && faults++ === 0) throw onBorrow()
    return transaction((real) => work(onSettle ? failing(real, onSettle) : real), options)
  }
  const failing = (real: Transaction, fault: () => Error): Transaction => ({
    run: real.run.bind(real),
    query: real.query.bind(real),
    runAndCommit: (statement, values) =>
      faults++ === 0 ? Promise.reject(fault()) : real.runAndCommit(statement, values),
  })
  driver.transaction = meet
  const ids = await node.enqueueMany(
    step,
    Array.from({ length: items }, (_, n) => n),
  )
  await node.drain()
  assert.ok(faults > 0)
  return Promise.all(
    ids.map(async (id) => {
      const item = await node.item(id)
      return [item?.state, item?.attempts, item?.error?.code]
    }),
  )
}

for (const items of [1, 3])
  for (const [what, faults] of [
    ['no connection was free', { onBorrow: busy }],
    ['the fence met a lock', { onSettle: locked }],
    ['the settle took too long', { onSettle: busy }],
  ] as const)
    test(`${items} with atCommit, and ${what}: no attempt is lost`, async (t) => {
      const ended = await run(t, items, faults)
      assert.deepEqual(
        ended,
        Array.from({ length: items }, () => ['succeeded', 1, undefined]),
      )
    })

test('a lock that the write itself waited for in vain is the fault of its attempt', async (t) => {
  assert.deepEqual(await run(t, 1, { onWrite: locked }), [['broken', 1, 'AT_COMMIT_FAILED']])
})
