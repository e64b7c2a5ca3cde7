import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import {
  defineQueueProcessor,
  defineRequestProcessor,
  defineService,
  type ServiceRequest,
} from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'

interface Hire {
  readonly id: string
  readonly urgent: boolean
}
const input = z.object({ id: z.string(), urgent: z.enum(['yes', 'no']).transform((text) => text === 'yes') })
const key = ({ id }: Hire) => id

/** A request processor with an urgent queue; tells what it was asked. */
function choosing() {
  const asked: ServiceRequest<Hire>[] = []
  const hiring = defineRequestProcessor({
    name: 'hiring',
    queues: [
      {
        queue: 'urgent',
        partitions: 2,
        when: (request: ServiceRequest<Hire>) => {
          asked.push(request)
          return request.input.urgent
        },
      },
      { queue: 'migration', partitions: 1, when: ({ context }) => context.accessGroup === 'migration' },
      { queue: 'standard' },
    ],
  })
  return { hiring, asked }
}

test('a request goes to the first queue that takes it, whichever way it comes in, and runs there', async (t) => {
  const { hiring } = choosing()
  const ran: string[] = []
  const hire = defineService({
    name: 'hire',
    input,
    requestProcessor: hiring,
    run: ({ id }, { item }) => void ran.push(`${id} ${item.queue}`),
  })
  const relay = defineQueueProcessor({
    name: 'relay',
    input: z.null(),
    async process(_, ctx) {
      await ctx.enqueue(hire, { id: 'handler', urgent: 'yes' })
      await ctx.enqueue(hire, { id: 'handler-delayed', urgent: 'yes' }, { delay: '1 minute' })
    },
  })
  const node = await setup(t, [hiring, hire, relay])
  const urgent = (id: string) => ({ id, urgent: 'yes' }) as const
  const expected = new Map<string, string>()
  const expect = (id: string, queue: string) => expected.set(id, queue)
  await node.enqueue(hire, urgent('one'))
  expect('one', 'urgent')
  await node.enqueue(hire, { id: 'rest', urgent: 'no' })
  expect('rest', 'standard')
  await node.enqueue(hire, { id: 'moved', urgent: 'no' }, { context: { accessGroup: 'migration' } })
  expect('moved', 'migration')
  await node.enqueue(hire, urgent('both'), { context: { accessGroup: 'migration' } })
  expect('both', 'urgent')
  const many = await node.enqueueMany(hire, [
    urgent('many-0'),
    { id: 'many-1', urgent: 'no' },
    urgent('many-2'),
  ])
  expect('many-0', 'urgent')
  expect('many-1', 'standard')
  expect('many-2', 'urgent')
  assert.equal(new Set(many).size, 3)
  const late = { delay: '1 minute' } as const
  await node.enqueue(hire, urgent('delayed'), late)
  expect('delayed', 'urgent')
  await node.enqueueMany(hire, [{ id: 'delayed-0', urgent: 'no' }, urgent('delayed-1')], late)
  expect('delayed-0', 'standard')
  expect('delayed-1', 'urgent')
  const first = await node.enqueue(hire, urgent('unique'), { uniqueKey: 'u' })
  expect('unique', 'urgent')
  assert.equal(await node.enqueue(hire, urgent('unique'), { uniqueKey: 'u' }), first)
  await node.transaction(async (tx) => {
    await node.enqueue(hire, urgent('tx'), { tx })
    await node.enqueue(hire, urgent('tx-delayed'), { tx, delay: '1 minute' })
    await node.enqueue(hire, urgent('tx-unique'), { tx, uniqueKey: 'tx' })
  })
  expect('tx', 'urgent')
  expect('tx-delayed', 'urgent')
  expect('tx-unique', 'urgent')
  // The later payload takes the place of the first, which chose the queue.
  await node.enqueue(hire, urgent('gathered'), { debounce: { key: 'd', wait: '30s' } })
  await node.enqueue(hire, { id: 'gathered', urgent: 'no' }, { debounce: { key: 'd', wait: '30s' } })
  expect('gathered', 'urgent')
  await node.enqueue(relay, null)
  expect('handler', 'urgent')
  expect('handler-delayed', 'urgent')
  const { schema } = node.place
  await node.query(`select ${schema}.enqueue('service:hire', '{"id":"sql","urgent":"yes"}')`)
  expect('sql', 'standard')
  await node.drain()
  await node.advance('2 minutes')
  await node.drain()
  const sorted = Array.from(expected, ([id, queue]) => `${id} ${queue}`).toSorted()
  assert.deepEqual(ran.toSorted(), sorted)
  for (const { id, queue, input: stored } of await node.items())
    if (queue !== 'standard') assert.ok(['urgent', 'migration'].includes(queue), `${id} ${String(stored)}`)
  const { rows } = await node.query(
    `select name, partitions from ${schema}.queue where name in ('urgent', 'migration') order by name`,
  )
  assert.deepEqual(rows, [
    { name: 'migration', partitions: 1 },
    { name: 'urgent', partitions: 2 },
  ])
})

test('a when is asked once, with the parsed input, the context and the key', async (t) => {
  const { hiring, asked } = choosing()
  const hire = defineService({ name: 'hire', input, key, requestProcessor: hiring, run: () => null })
  const node = await setup(t, [hiring, hire], { start: false })
  const context = { operator: 'ada' }
  for (const options of [
    {},
    { delay: '1 minute' },
    { uniqueKey: 'u' },
    { debounce: { wait: '1s' } },
  ] as const)
    await node.enqueue(hire, { id: '42', urgent: 'yes' }, { ...options, context })
  assert.equal(asked.length, 4)
  for (const request of asked)
    assert.deepEqual(request, {
      input: { id: '42', urgent: true },
      context,
      key: '42',
      service: 'hire',
      application: 'flows',
    })
})

test('a when that throws, or answers neither true nor false, refuses the request and stores nothing', async (t) => {
  const answers = new Map<string, () => unknown>([
    ['throws', () => assert.fail('no such region')],
    ['promise', () => Promise.resolve(false)],
    ['nothing', () => undefined],
    ['well', () => true],
  ])
  const hiring = defineRequestProcessor({
    name: 'hiring',
    queues: [
      { queue: 'urgent', when: ({ input: id }: ServiceRequest<string>) => answers.get(id)?.() as boolean },
      { queue: 'standard' },
    ],
  })
  const hire = defineService({ name: 'hire', input: z.string(), requestProcessor: hiring, run: () => null })
  const node = await setup(t, [hiring, hire], { start: false })
  const refused = (told: RegExp) => (error: unknown) => {
    assert.ok(isCoatcheckError(error, 'REQUEST_PROCESSOR_FAILED'), String(error))
    assert.equal(error.status, 500)
    assert.match(error.message, /when of the queue "urgent" \(request processor "hiring"\)/)
    assert.match(error.message, told)
    return true
  }
  await assert.rejects(node.enqueue(hire, 'throws'), refused(/threw for hire: no such region/))
  await assert.rejects(node.enqueue(hire, 'promise'), refused(/answered .* it has to answer true or false/))
  await assert.rejects(node.enqueue(hire, 'nothing', { delay: '1s' }), refused(/answered undefined/))
  await assert.rejects(
    node.transaction((tx) => node.enqueue(hire, 'throws', { tx })),
    refused(/threw/),
  )
  await assert.rejects(node.enqueueMany(hire, ['well', 'throws']), refused(/^item 1: /))
  assert.deepEqual(await node.items(), [])
  await node.enqueue(hire, 'well')
  assert.equal((await node.items())[0]?.queue, 'urgent')
})

test('many requests on one queue do not keep those of another waiting', async (t) => {
  const { hiring } = choosing()
  const ran: string[] = []
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const hire = defineService({
    name: 'hire',
    input,
    concurrency: 1,
    requestProcessor: hiring,
    async run({ id }) {
      ran.push(id)
      if (id !== 'first') return
      begun.resolve()
      await go.promise
    },
  })
  const node = await setup(t, [hiring, hire])
  await node.enqueue(hire, { id: 'first', urgent: 'no' })
  await begun.promise
  await node.enqueueMany(
    hire,
    Array.from({ length: 200 }, (_, at) => ({ id: `rest-${at}`, urgent: 'no' as const })),
  )
  const urgent = await node.enqueue(hire, { id: 'urgent', urgent: 'yes' })
  // Read ahead it is entered as ready after a second; until then its owner may not have met it.
  const { schema } = node.place
  await node.advance('5s')
  await until('all have been read', async () => {
    const { rows } = await node.query(`select state from ${schema}.tracked_item where id = '${urgent}'`)
    return rows.length > 0
  })
  go.resolve()
  await node.drain()
  assert.equal(ran.length, 202)
  assert.ok(ran.indexOf('urgent') <= 3, `it was number ${ran.indexOf('urgent')}`)
})

test('a service is tried as its request processor says, and its items of one key keep their order on each queue', async (t) => {
  const hiring = defineRequestProcessor({
    name: 'hiring',
    queues: [
      { queue: 'urgent', when: ({ input: { urgent } }: ServiceRequest<Hire>) => urgent },
      { queue: 'standard' },
    ],
    retry: { maxAttempts: 2, initialDelay: '10 minutes', jitter: 0 },
  })
  const ran: string[] = []
  let isDown = true
  const hire = defineService({
    name: 'hire',
    input: input.and(z.object({ n: z.number() })),
    key,
    requestProcessor: hiring,
    run({ n, urgent }, { attempt }) {
      if (isDown && !urgent) throw new Error('down')
      ran.push(`${urgent ? 'urgent' : 'standard'} ${n} ${attempt}`)
    },
  })
  const node = await setup(t, [hiring, hire])
  const give = (n: number, urgent: 'yes' | 'no') => node.enqueue(hire, { id: '42', urgent, n })
  const first = await give(1, 'no')
  await node.drain()
  assert.equal((await node.item(first))?.state, 'scheduled')
  const held = await give(2, 'no')
  await give(1, 'yes')
  await give(2, 'yes')
  await node.drain()
  assert.deepEqual(ran, ['urgent 1 1', 'urgent 2 1'], 'what waits on one queue holds nothing on the other')
  assert.equal((await node.item(held))?.attempts, 0)
  isDown = false
  await node.advance('10 minutes')
  await node.drain()
  assert.deepEqual(ran.slice(2), ['standard 1 2', 'standard 2 1'])
  isDown = true
  const broken = await give(3, 'no')
  await node.drain()
  await node.advance('10 minutes')
  await node.drain()
  const item = await node.item(broken)
  assert.deepEqual([item?.state, item?.attempts], ['broken', 2])
})
