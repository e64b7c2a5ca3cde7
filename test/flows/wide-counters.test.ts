import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from './setup.ts'

/** Positions are seq · 4,096 + index, and numbers in JavaScript: exact below 2^53. */
const lastSeq = 2 ** 41 - 1

for (const [name, first] of [
  ['beyond what 31 bits hold', 2 ** 31 - 1],
  ['up to the last one that there is', lastSeq - 1],
] as const)
  test(`sequences ${name}: order, retries, delays, look-up`, async (t) => {
    const ran: string[] = []
    const work = defineQueueProcessor({
      name: 'wide',
      input: z.object({ key: z.string(), n: z.number(), fails: z.boolean().optional() }),
      key: (input) => input.key,
      dedicated: { partitions: 1 },
      retry: { maxAttempts: 2, initialDelay: '1 minute' },
      process: ({ key, n, fails }, ctx) => {
        if (fails && ctx.attempt === 1) throw new Error('Once more.')
        ran.push(`${key} ${n}`)
        return n
      },
    })
    const node = await setup(t, [work], { start: false })
    const { schema } = node.place
    const { rows } = await node.query(`select number from ${schema}.queue where name = 'wide'`)
    const queue = Number(rows[0]?.['number'])
    // As if so many rows had been there and gone.
    await node.query(`select setval('${schema}.log_seq_${queue}_0', ${first}, false)`)
    const done = `${first}::bigint * 4096`
    await node.query(
      `update ${schema}.partition set watermark = ${done}, indexed_to = ${done}, done = int8multirange(int8range(0, ${done})) where queue = ${queue}`,
    )
    const inputOf = (n: number) => ({ key: n % 2 === 0 ? 'even' : 'odd', n, fails: n === 4 })
    const ids: string[] = await node.enqueueMany(
      work,
      Array.from({ length: 9 }, (_, n) => inputOf(n)),
    )
    // The row of the one that is delayed is the next one.
    ids.push(await node.enqueue(work, inputOf(20), { delay: '2 minutes' }))
    assert.equal((await node.item(ids[8]!))?.state, 'ready')
    await node.start()
    await node.drain()
    // The later ones of its key are held behind it.
    assert.deepEqual(
      ran.filter((one) => one.startsWith('even')),
      ['even 0', 'even 2'],
    )
    await node.advance('3 minutes')
    await node.drain()
    assert.equal(ran.length, 10)
    assert.deepEqual(
      ran.filter((one) => one.startsWith('even')),
      ['even 0', 'even 2', 'even 4', 'even 6', 'even 8', 'even 20'],
    )
    assert.deepEqual(
      ran.filter((one) => one.startsWith('odd')),
      ['odd 1', 'odd 3', 'odd 5', 'odd 7'],
    )
    for (const id of ids) assert.equal((await node.item(id))?.state, 'succeeded')
    const { rows: ended } = await node.query(
      `select watermark::text, done::text from ${schema}.partition where queue = ${queue}`,
    )
    const { rows: taken } = await node.query(`select last_value from ${schema}.log_seq_${queue}_0`)
    const next = (BigInt(String(taken[0]?.['last_value'])) + 1n) * 4096n
    assert.deepEqual(ended, [{ watermark: String(next), done: `{[0,${next})}` }])
    assert.equal(next, (BigInt(first) + 2n) * 4096n)
  })
