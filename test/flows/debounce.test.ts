import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import type { DebounceOptions } from '../../src/define/context.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode } from '../../src/node.ts'
import { until } from '../store/until.ts'
import { freshPlace, setup } from './setup.ts'

function indexing() {
  const ran: string[] = []
  const index = defineQueueProcessor({
    name: 'index',
    input: z.object({ page: z.string(), text: z.string() }),
    key: (input) => input.page,
    process: (input) => void ran.push(`${input.page} ${input.text}`),
  })
  return { index, ran }
}

const wait = { debounce: { wait: '30s' } }

test('accepts in quick succession are one item, with the last payload, after the wait', async (t) => {
  const { index, ran } = indexing()
  const node = await setup(t, [index])
  const first = await node.accept(index, { page: 'a', text: '1' }, wait)
  assert.equal(first.outcome, 'new')
  for (const text of ['2', '3']) {
    await node.advance('20s')
    assert.deepEqual(await node.accept(index, { page: 'a', text }, wait), { ...first, outcome: 'replaced' })
  }
  assert.equal((await node.accept(index, { page: 'b', text: '1' }, wait)).outcome, 'new')
  const item = await node.item(first.id)
  assert.equal(item?.state, 'scheduled')
  assert.deepEqual(item?.input, { page: 'a', text: '3' })
  const leftMs = Number(item?.dueAt) - Number(await node.now())
  assert.ok(leftMs > 25_000 && leftMs <= 30_000, `due in ${leftMs} ms`)
  await node.advance('25s')
  await node.drain()
  assert.deepEqual(ran, [])
  await node.advance('5s')
  await node.drain()
  assert.deepEqual(new Set(ran), new Set(['a 3', 'b 1']))
  assert.equal((await node.item(first.id))?.state, 'succeeded')
  assert.equal((await node.items()).length, 2)
  // The next one is an item of its own.
  const next = await node.accept(index, { page: 'a', text: '4' }, wait)
  assert.equal(next.outcome, 'new')
  assert.notEqual(next.id, first.id)
  await node.advance('30s')
  await node.drain()
  assert.deepEqual(ran.slice(2), ['a 4'])
})

test('maxWait bounds how long it waits from the first accept on', async (t) => {
  const { index, ran } = indexing()
  const node = await setup(t, [index])
  const options = { debounce: { wait: '30s', maxWait: '1 minute' } }
  const ids = new Set<string>()
  for (const text of ['1', '2', '3']) {
    ids.add(await node.enqueue(index, { page: 'a', text }, options))
    await node.advance('20s')
    await node.drain()
  }
  assert.equal(ids.size, 1)
  assert.deepEqual(ran, ['a 3'])
})

test('a key of its own, within the definition', async (t) => {
  const { index, ran } = indexing()
  const other = defineQueueProcessor({
    name: 'other',
    input: z.string(),
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [index, other])
  const debounce: DebounceOptions = { key: 'k', wait: 1_000 }
  const ids = [
    await node.enqueue(index, { page: 'a', text: '1' }, { debounce }),
    await node.enqueue(index, { page: 'a', text: '2' }, { debounce: { ...debounce, key: 'l' } }),
    await node.enqueue(other, 'o1', { debounce }),
    await node.enqueue(other, 'o2', { debounce }),
  ]
  assert.equal(new Set(ids).size, 3)
  // Its place and its order are those of another partition key.
  await assert.rejects(node.enqueue(index, { page: 'b', text: '3' }, { debounce }), (error) => {
    assert.ok(isCoatcheckError(error, 'KEY_INVALID'), String(error))
    assert.match(error.message, new RegExp(`"k" of index waits item ${ids[0]}`))
    return true
  })
  await node.advance('1s')
  await node.drain()
  assert.deepEqual(new Set(ran), new Set(['a 1', 'a 2', 'o2']))
})

test('while it runs, a new one is made; while nobody has taken it up, it is replaced however late', async (t) => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const ran: string[] = []
  const slow = defineQueueProcessor({
    name: 'slow',
    input: z.string(),
    async process(input) {
      ran.push(input)
      begun.resolve()
      await end.promise
    },
  })
  const node = await setup(t, [slow], { start: false })
  const options = { debounce: { key: 'k', wait: '10s', maxWait: '15s' } }
  const first = await node.enqueue(slow, '1', options)
  await node.advance('1 hour')
  assert.deepEqual(await node.accept(slow, '2', options), { id: first, outcome: 'replaced' })
  await node.start()
  await begun.promise
  const second = await node.accept(slow, '3', options)
  assert.equal(second.outcome, 'new')
  assert.deepEqual(await node.accept(slow, '4', options), { id: second.id, outcome: 'replaced' })
  end.resolve()
  await node.advance('10s')
  await node.drain()
  assert.deepEqual(ran, ['2', '4'])
})

test('an item that was taken away is not replaced, and its key is forgotten', async (t) => {
  const { index, ran } = indexing()
  const node = await setup(t, [index])
  const { schema } = node.place
  const first = await node.enqueue(index, { page: 'a', text: '1' }, wait)
  await node.query(`delete from ${schema}.waiting_item where id = $1`, [first])
  assert.equal((await node.accept(index, { page: 'a', text: '2' }, wait)).outcome, 'new')
  await node.query(`delete from ${schema}.waiting_item`)
  await node.advance('2 minutes')
  await until('its key is forgotten', async () => {
    const { rows } = await node.query(`select from ${schema}.debounce`)
    return rows.length === 0
  })
  assert.deepEqual(ran, [])
})

test('an operator cancels, parks and resumes what waits; the next accept makes a new one', async (t) => {
  const { index, ran } = indexing()
  const node = await setup(t, [index])
  const options = { debounce: { wait: '1 hour' } }
  const first = await node.enqueue(index, { page: 'a', text: '1' }, options)
  assert.equal((await node.cancel(first)).verdict, 'applied')
  const second = await node.accept(index, { page: 'a', text: '2' }, options)
  assert.equal(second.outcome, 'new')
  assert.equal((await node.defer(second.id)).verdict, 'applied')
  const third = await node.accept(index, { page: 'a', text: '3' }, options)
  assert.equal(third.outcome, 'new')
  assert.equal((await node.defer(third.id)).verdict, 'applied')
  // Resumed it does not wait for the time that it was debounced to, nor for the one before it, which is parked.
  assert.equal((await node.resume(third.id)).verdict, 'applied')
  await node.advance('1s')
  await until('it has run', () => ran.includes('a 3'))
  await node.advance('2 hours')
  await node.drain()
  assert.deepEqual(ran, ['a 3'])
  assert.equal((await node.item(first))?.state, 'cancelled')
  assert.equal((await node.item(second.id))?.state, 'deferred')
})

test('what cannot be is refused, and nothing is stored', async (t) => {
  const { index } = indexing()
  const plain = defineQueueProcessor({ name: 'plain', input: z.string(), process: () => {} })
  const node = await setup(t, [index, plain])
  const input = { page: 'a', text: '1' }
  const refused: [object, RegExp][] = [
    [{ debounce: '30s' }, /debounce is "30s"; give an object/],
    [{ debounce: {} }, /debounce has no wait/],
    [{ debounce: { wait: 0 } }, /debounce\.wait is 0; it must be 1 ms to 365 days/],
    [{ debounce: { wait: '30s', maxWait: '20s' } }, /maxWait is "20s", which is shorter than/],
    [{ debounce: { wait: '30s', maxDelay: '1h' } }, /debounce\.maxDelay.*/],
    [{ debounce: { wait: '30s', key: '' } }, /debounce\.key is ""/],
    [{ debounce: { wait: '30s' }, delay: '1s' }, /cannot be combined with delay/],
    [{ debounce: { wait: '30s' }, uniqueKey: 'u' }, /cannot be combined with uniqueKey/],
    [{ uniqueFor: '1h' }, /uniqueFor is given without uniqueKey/],
    [{ uniqueKey: 'u', uniqueFor: 0 }, /uniqueFor is 0; it must be 1 ms to 3,650 days/],
  ]
  for (const [options, sentence] of refused)
    await assert.rejects(node.enqueue(index, input, options), (error) => {
      assert.ok(isCoatcheckError(error, 'OPTION_INVALID'), String(error))
      assert.match(error.message, sentence)
      return true
    })
  await assert.rejects(node.enqueue(plain, '', wait), /debounce has no key, and plain has none either/)
  await assert.rejects(node.enqueueMany(index, [input], wait), /debounce is for one item/)
  await assert.rejects(
    node.transaction((tx) => node.enqueue(index, input, { tx, ...wait })),
    /debounce cannot be combined with tx/,
  )
  assert.equal((await node.items()).length, 0)
})

test('two nodes at once, at the moment of starting: nothing lost, none twice, never two that wait', async (t) => {
  const place = await freshPlace()
  const ran = new Map<string, number>()
  const index = defineQueueProcessor({
    name: 'index',
    input: z.object({ key: z.string(), n: z.number() }),
    key: (input) => input.key,
    concurrency: 20,
    process: (input, ctx) => {
      assert.equal(ran.has(ctx.item.id), false, 'an item ran twice')
      ran.set(ctx.item.id, input.n)
    },
  })
  const nodes = await Promise.all(
    [1, 2].map(() =>
      createNode({
        applications: [defineApplication({ name: 'flows', definitions: [index] })],
        ...place,
        http: false,
        nodeTypes: ['background'],
      }),
    ),
  )
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  await Promise.all(nodes.map((node) => node.start()))
  const last = new Map<string, number>()
  let news = 0
  let most = 0
  // Each key has one producer, which changes nodes: what it was told last of an item is what must have run.
  const produce = async (key: string): Promise<void> => {
    for (let n = 0; n < 60; n++) {
      const node = nodes[n % 2]!
      const { id, outcome } = await node.accept(index, { key, n }, { debounce: { wait: 15, maxWait: 60 } })
      if (outcome === 'new') news++
      last.set(id, n)
      await pause(Math.random() * 30)
    }
  }
  const watch = new AbortController()
  const watching = (async () => {
    while (!watch.signal.aborted) {
      const { rows } = await nodes[0]!.query(
        `select count(*)::int as n from ${place.schema}.waiting_item w join ${place.schema}.debounce d using (id) group by w.key`,
      )
      for (const row of rows) most = Math.max(most, Number(row['n']))
    }
  })()
  await Promise.all(['a', 'b', 'c', 'd'].map((key) => produce(key)))
  await until('all have run', () => ran.size === news)
  watch.abort()
  await watching
  // Four at least; on a slow machine one of a key may wait for all its accepts.
  assert.ok(news >= 4 && news < 240, `${news} items of 240 accepts`)
  assert.equal(last.size, news)
  assert.equal(most, 1)
  for (const [id, n] of last) assert.equal(ran.get(id), n, `item ${id}`)
})
