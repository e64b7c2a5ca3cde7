import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as work } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor, defineService } from '../../src/define/define.ts'
import type { RequestContext } from '../../src/define/item.ts'
import { engineOf, type Node } from '../../src/node.ts'
import { setup } from './setup.ts'

const child = defineQueueProcessor({
  name: 'child',
  input: z.any(),
  process: (_, ctx) => ctx.context,
})

const contextOf = async (node: Node, id: string) => (await node.item(id))?.context

test('the context of whoever asked is with the item, its handler and its later attempts', async (t) => {
  const seen: RequestContext[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    process(_, ctx) {
      seen.push(ctx.context)
      if (ctx.attempt === 1) throw new Error('again')
    },
  })
  const node = await setup(t, [step])
  const context = {
    operator: 'Ада "✓" \\',
    accessGroup: 'hr',
    application: 'web',
    correlationId: 'c-1',
    requestId: 'r-1',
    causationId: 'made by hand',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }
  const id = await node.enqueue(step, 'x', { context })
  assert.deepEqual(await contextOf(node, id), context, 'in the log')
  const later = await node.enqueue(step, 'y', { context, delay: '1h' })
  assert.deepEqual(await contextOf(node, later), context, 'in the lane')
  await node.drain()
  assert.deepEqual(await contextOf(node, id), context, 'between attempts')
  await node.advance('2h')
  await node.drain()
  await node.advance('2h')
  await node.drain()
  assert.deepEqual(await contextOf(node, id), context, 'ended')
  assert.equal(seen.length, 4)
  for (const one of seen) assert.deepEqual(one, context)
})

test('what a handler enqueues, either way, follows its context and names its item', async (t) => {
  const ids: Record<string, string> = {}
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.string(),
    async process(name, ctx) {
      ids[`${name} ctx`] = await ctx.enqueue(child, 1)
      ids[`${name} node`] = await node.enqueue(child, 1)
      await work(1)
      ids[`${name} many`] = (await node.enqueueMany(child, [1])).join()
      ids[`${name} delayed`] = await node.enqueue(child, 1, { delay: 1 })
      ids[`${name} unique`] = await node.enqueue(child, 1, { uniqueKey: name })
      ids[`${name} tx`] = await node.transaction((tx) => node.enqueue(child, 1, { tx }))
    },
  })
  const node: Node & { drain(): Promise<void>; advance(by: string): Promise<void> } = await setup(t, [
    parent,
    child,
  ])
  const [bare, rich] = [
    await node.enqueue(parent, 'bare'),
    await node.enqueue(parent, 'rich', {
      context: { operator: 'ada', correlationId: 'c', causationId: 'older' },
    }),
  ]
  await node.drain()
  await node.advance('1s')
  await node.drain()
  for (const way of ['ctx', 'node', 'many', 'delayed', 'unique', 'tx']) {
    const wanted = { operator: 'ada', correlationId: 'c', causationId: rich }
    assert.deepEqual(await contextOf(node, ids[`rich ${way}`] as string), wanted, way)
    assert.deepEqual(await node.result(ids[`rich ${way}`] as string), wanted, way)
    // Without a context nothing is restored around a handler; ctx knows its item all the same.
    const ofBare = way === 'ctx' ? { causationId: bare } : {}
    assert.deepEqual(await contextOf(node, ids[`bare ${way}`] as string), ofBare, way)
  }
})

test('parts that are given override those that are inherited', async (t) => {
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.string(),
    process: async (_, ctx) => [
      await ctx.enqueue(child, 1, { context: { operator: 'bob' } }),
      await node.enqueue(child, 1, { context: { operator: 'bob', traceparent: 't' } }),
    ],
  })
  const node: Node = await setup(t, [parent, child])
  const id = await node.enqueue(parent, 'x', { context: { operator: 'ada', correlationId: 'c' } })
  const [first = '', second = ''] = (await node.result(id, { wait: '20s' })) as string[]
  const wanted = { operator: 'bob', correlationId: 'c', causationId: id }
  assert.deepEqual(await contextOf(node, first), wanted)
  assert.deepEqual(await contextOf(node, second), { ...wanted, traceparent: 't' })
})

test('handlers that run at once, with and without a context, never see that of another', async (t) => {
  const strays: string[] = []
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.number(),
    concurrency: 50,
    async process(n, ctx) {
      const expected = n % 3 === 0 ? undefined : `op${n}`
      if (ctx.context.operator !== expected) strays.push(`${n} runs as ${ctx.context.operator}`)
      const ids = [await node.enqueue(child, n)]
      if (n % 2 === 0) await work(n % 5)
      ids.push(await ctx.enqueue(child, n), await node.enqueue(child, n))
      return ids
    },
  })
  const node: Node & { drain(): Promise<void> } = await setup(t, [parent, child])
  const parents = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      node.enqueue(parent, n, n % 3 === 0 ? {} : { context: { operator: `op${n}` } }),
    ),
  )
  await node.drain()
  assert.deepEqual(strays, [])
  for (const [n, id] of parents.entries())
    for (const [at, made] of ((await node.result(id)) as string[]).entries()) {
      const ofBare = at === 1 ? { causationId: id } : {}
      const wanted = n % 3 === 0 ? ofBare : { operator: `op${n}`, causationId: id }
      assert.deepEqual(await node.result(made), wanted, `of ${n}`)
    }
  assert.deepEqual(await contextOf(node, await node.enqueue(child, 'outside')), {})
})

test('a service that runs in the request is no item: what it enqueues names none', async (t) => {
  let told = ''
  const greet = defineService({
    name: 'greet',
    input: z.object({}),
    output: z.string(),
    execution: 'immediate',
    run: async (_, ctx) => (told = `${await ctx.enqueue(child, 1)} ${await node.enqueue(child, 1)}`),
  })
  const node = await setup(t, [greet, child])
  const engine = engineOf(node)
  const definition = engine.definitions.get('service:greet')
  assert.ok(definition)
  const context = { operator: 'ada', correlationId: 'c' }
  const outcome = await engine.immediate.run(definition, {}, context, new AbortController().signal)
  assert.equal(outcome.kind, 'succeeded')
  await node.drain()
  for (const id of told.split(' ')) assert.deepEqual(await contextOf(node, id), context)
})
