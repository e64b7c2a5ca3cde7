import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { setup } from '../flows/setup.ts'
import { eventsOf, requestOf } from './asking.ts'

const step = defineQueueProcessor({
  name: 'step',
  input: z.object({ key: z.string(), fails: z.boolean().optional() }),
  key: ({ key }) => key,
  dedicated: { partitions: 2 },
  process: ({ fails }) => {
    if (fails) throw new Reject('not this one')
  },
})

test('a trace tells what happens to the items of a key, and to no others, and leaves nothing behind', async (t) => {
  const node = await setup(t, [step])
  const { key } = await node.apiKeys.create({ name: 'tail', roles: ['observer'] })
  const response = await node.fetch(requestOf(key, 'GET', '/queues/step/trace?key=a'))
  const events = eventsOf(response)
  const first = events.next()
  await waitUntil('it is open', 20_000, async () => {
    const { rows } = await node.query(`select from ${node.place.schema}.trace`)
    return rows.length === 1
  })
  // The node learns of it with its next look at who owns what.
  await waitUntil('it is traced', 20_000, async () => {
    await node.enqueue(step, { key: 'a' })
    const { rows } = await node.query(`select from ${node.place.schema}.trace_line`)
    return rows.length > 0 || (await Promise.race([first.then(() => true), Promise.resolve(false)]))
  })
  await node.enqueue(step, { key: 'b' })
  const broken = await node.enqueue(step, { key: 'a', fails: true })
  const seen: { id: string; key: string; event: string; message?: string }[] = []
  for (let next = await first; !next.done; next = await events.next()) {
    assert.equal(next.value.event, 'item')
    seen.push(next.value.data as (typeof seen)[number])
    if (seen.at(-1)?.event === 'broken') break
  }
  assert.deepEqual(
    seen.filter(({ id }) => id === broken).map(({ event, message }) => [event, message]),
    [
      ['accepted', undefined],
      ['started', undefined],
      ['broken', 'REJECTED: not this one'],
    ],
  )
  assert.ok(seen.every((one) => one.key === 'a'))
  await events.return(undefined)
  await waitUntil('it is closed', 20_000, async () => {
    const { rows } = await node.query(`select from ${node.place.schema}.trace`)
    return rows.length === 0
  })
})

test('a trace says of items with secrets only what happens, and of their keys nothing', async (t) => {
  const pin = defineQueueProcessor({
    name: 'pin',
    input: z.object({ pin: z.string() }),
    key: ({ pin }) => pin,
    dedicated: { partitions: 2 },
    secret: ['/pin'],
    process: ({ pin }) => {
      throw new Reject(`${pin} is wrong`)
    },
  })
  const node = await setup(t, [pin])
  const { key } = await node.apiKeys.create({ name: 'tail', roles: ['operator'] })
  const tails = ['', '?key=4711'].map((query) => {
    const seen: { key: string; event: string; message?: string }[] = []
    const over = new AbortController()
    const ended = (async () => {
      const request = new Request(requestOf(key, 'GET', `/queues/pin/trace${query}`), { signal: over.signal })
      for await (const { data } of eventsOf(await node.fetch(request)))
        seen.push(data as (typeof seen)[number])
    })().catch(() => {})
    return { seen, end: () => (over.abort(), ended) }
  })
  await waitUntil('it is traced', 20_000, async () => {
    await node.enqueue(pin, { pin: '4711' })
    return tails[0]!.seen.some(({ event }) => event === 'broken')
  })
  const [all, ofKey] = tails
  for (const { key, event, message } of all!.seen) {
    assert.equal(key, '•••')
    assert.equal(message, event === 'broken' ? '•••' : undefined)
  }
  assert.deepEqual(ofKey!.seen, [])
  await Promise.all(tails.map(({ end }) => end()))
})

test('a trace that does not keep up tells how much it left out', async (t) => {
  const node = await setup(t, [step])
  const { key } = await node.apiKeys.create({ name: 'tail', roles: ['observer'] })
  const response = await node.fetch(requestOf(key, 'GET', '/queues/step/trace'))
  const events = eventsOf(response)
  const first = events.next()
  await waitUntil('it is open', 20_000, async () => {
    const { rows } = await node.query(`select from ${node.place.schema}.trace`)
    return rows.length === 1
  })
  // what many nodes would write
  await node.query(
    `insert into ${node.place.schema}.trace_line (trace, at, item, event, attempt)
    select t.id, now(), case when g < 3000 then gen_random_uuid() end, 'started', case when g < 3000 then 1 else 7 end
    from ${node.place.schema}.trace t, generate_series(1, 3000) as g`,
  )
  let told = 0
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.event === 'item') told += 1
    else {
      // 999 lines were thrown away, and the last one says that 7 had been before
      assert.deepEqual(next.value, { event: 'dropped', data: { count: 999 + 7 } })
      break
    }
  }
  assert.equal(told, 2_000)
  await events.return(undefined)
})

test('the live stream hints at what has changed, and ends when the node stops', async (t) => {
  const node = await setup(t, [step])
  const { key } = await node.apiKeys.create({ name: 'console', roles: ['observer'] })
  const response = await node.fetch(requestOf(key, 'GET', '/live'))
  const events = eventsOf(response)
  assert.equal((await events.next()).value.event, 'overview')
  await node.queues.pause('step')
  const kinds = new Set<string>()
  for (let next = await events.next(); !next.done; next = await events.next()) {
    const { event, data } = next.value
    kinds.add(event)
    if (event === 'queues' && (data as { names: string[] }).names.includes('step')) break
  }
  assert.ok(kinds.has('queues'))
  const ended = (async () => {
    while (!(await events.next()).done);
  })()
  await node.stop()
  await ended
})
