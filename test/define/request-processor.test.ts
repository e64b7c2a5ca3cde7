import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  defineApplication,
  defineQueueProcessor,
  defineRequestProcessor,
  defineService,
} from '../../src/define/define.ts'
import type { Definition } from '../../src/define/definition.ts'
import { resolveApplications } from '../../src/define/registry.ts'

const input = z.object({ id: z.string() })
const day = 86_400_000
const brief = 900_000
const century = 36_500 * day

type Given = Record<string, unknown>

function resolve(...stack: unknown[][]) {
  return resolveApplications(
    stack.map((definitions, at) =>
      defineApplication({ name: `app-${at}`, definitions: definitions as never }),
    ),
  )
}

const processor = (options: unknown) => defineRequestProcessor(options as never)
const service = (options: Given) => defineService({ name: 'hire', input, run: () => 1, ...options } as never)

/** A service whose request processor has these options. */
function hired(options: Given, own: Given = {}): { definition: Definition; problems: string[] } {
  const hiring = processor({ name: 'hiring', ...options })
  const { registry, problems } = resolve([hiring, service({ requestProcessor: hiring, ...own })])
  return { definition: registry.definitions.get('service:hire') as Definition, problems }
}

const about = (end: string) => `Application "app-0", request processor "hiring": ${end}`

test('a service without a request processor has the standard one', () => {
  for (const own of [{}, { requestProcessor: 'standard' }]) {
    const { registry, problems } = resolve([service(own)])
    assert.deepEqual(problems, [])
    const { queue, partitions, choices, requestProcessor, retry, retention } = registry.definitions.get(
      'service:hire',
    ) as Definition
    assert.deepEqual([queue, partitions, choices, requestProcessor], ['standard', 6, undefined, 'standard'])
    assert.deepEqual(retry, {
      maxAttempts: 3,
      initialDelayMs: 60_000,
      factor: 2,
      maxDelayMs: 3_600_000,
      jitter: 0.1,
    })
    assert.deepEqual(retention, {
      succeededMs: 7 * day,
      cancelledMs: 7 * day,
      brokenMs: century,
      untilRetrieved: false,
    })
  }
})

test('every option of a request processor arrives at its services', () => {
  const urgent = () => true
  const bulk = () => false
  const { definition, problems } = hired({
    queues: [
      { queue: 'urgent', when: urgent },
      { queue: 'bulk', when: bulk, partitions: 12, maxWaiting: 100 },
      { queue: 'rest', partitions: 2, maxWaiting: 5 },
    ],
    retry: { maxAttempts: 5, initialDelay: '1s', jitter: 0 },
    keep: { afterSuccess: '1 day', afterFailure: '30 days', untilRetrieved: true },
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(definition.choices, [
    { queue: 'urgent', partitions: 6, when: urgent },
    { queue: 'bulk', partitions: 12, partitionsAsked: 12, maxWaiting: 100, when: bulk },
  ])
  assert.deepEqual([definition.queue, definition.partitions, definition.maxWaiting], ['rest', 2, 5])
  assert.deepEqual([definition.retry.maxAttempts, definition.retry.initialDelayMs], [5, 1000])
  assert.deepEqual(definition.retention, {
    succeededMs: day,
    cancelledMs: 30 * day,
    brokenMs: 30 * day,
    untilRetrieved: true,
  })
})

test('what is not kept is kept for 15 minutes', () => {
  const { definition, problems } = hired({ keep: { afterSuccess: false, afterFailure: false } })
  assert.deepEqual(problems, [])
  const { succeededMs, cancelledMs, brokenMs } = definition.retention
  assert.deepEqual([succeededMs, cancelledMs, brokenMs], [brief, brief, brief])
})

test("a service's own retry and retention win, each as a whole", () => {
  const options = {
    retry: { maxAttempts: 5, initialDelay: '1s' },
    keep: { afterSuccess: '1 day', afterFailure: '30 days', untilRetrieved: true },
  }
  const own = hired(options, { retry: { maxAttempts: 2 }, retention: '3 days' }).definition
  assert.deepEqual([own.retry.maxAttempts, own.retry.initialDelayMs], [2, 60_000])
  assert.deepEqual(own.retention, {
    succeededMs: 3 * day,
    cancelledMs: 3 * day,
    brokenMs: 3 * day,
    untilRetrieved: true,
  })
  // Nobody limits how long a broken one is told of.
  assert.equal(hired({}, { retention: '3 days' }).definition.retention.brokenMs, century)
})

test('references are resolved by name through the stack, and an application may define the standard one', () => {
  const below = processor({ name: 'hiring', retry: { maxAttempts: 2 } })
  const above = processor({ name: 'hiring', retry: { maxAttempts: 9 } })
  const one = service({ requestProcessor: below })
  for (const reference of [one, service({ requestProcessor: 'hiring' })]) {
    const { registry, problems } = resolve([above], [below, reference])
    assert.deepEqual(problems, [])
    assert.equal(registry.definitions.get('service:hire')?.retry.maxAttempts, 9)
  }
  const standard = processor({ name: 'standard', queues: [{ queue: 'mine' }] })
  const { registry, problems } = resolve([standard, service({})])
  assert.deepEqual(problems, [])
  assert.equal(registry.definitions.get('service:hire')?.queue, 'mine')
  assert.deepEqual([...registry.definitions.keys()], ['service:hire'])
})

test('a request processor that is not there is told, with the one that was probably meant', () => {
  const hiring = processor({ name: 'hiring' })
  const of = (requestProcessor: unknown) => resolve([hiring, service({ requestProcessor })]).problems
  const start = 'Application "app-0", service "hire": requestProcessor is'
  assert.deepEqual(of('hirring'), [
    `${start} "hirring", which these applications do not have; did you mean "hiring"?`,
  ])
  assert.deepEqual(of(processor({ name: 'elsewhere' })), [
    `${start} request processor "elsewhere", which these applications do not have; add it to the definitions of one of them.`,
  ])
  assert.deepEqual(of(42), [`${start} 42; give one that defineRequestProcessor made, or its name.`])
})

test('all problems of a request processor are told at once, whether or not a service uses it', () => {
  const { problems } = resolve([
    processor({
      name: 'hiring',
      queue: 'urgent',
      retrys: {},
      queues: [
        { queue: 'urgent' },
        { queue: 'Bulk', when: 'always' },
        { queue: 'standard', partitions: 12, when: () => true, wen: 1 },
      ],
      retry: { maxAttempts: 0 },
      keep: { afterSuccess: '1 minute', afterFailure: true, untilRetrieved: 'yes', afterSucces: false },
    }),
  ])
  assert.deepEqual(
    problems,
    [
      'unknown option "queue"; did you mean "queues: [{ queue }]"?',
      'unknown option "retrys"; did you mean "retry"?',
      'queues[0].when is undefined; nothing would come to the queues after this one; give a function, or put it last.',
      'queues[1].queue is "Bulk"; write lower-case letters, digits and hyphens, a letter first, at most 63 characters.',
      'queues[1].when is "always"; give a function, such as (request) => request.input.urgent.',
      'unknown option "queues[2].wen"; did you mean "queues[2].when"?',
      "queues[2].when is the function when; the last queue takes what no other did; leave it out, or add { queue: 'standard' } after it.",
      'queues[2].partitions is 12; the queue "standard" is everyone\'s; leave it out, or name another queue.',
      'retry.maxAttempts is 0; write a whole number from 1 to 1,000.',
      'unknown option "keep.afterSucces"; did you mean "keep.afterSuccess"?',
      "keep.afterFailure is true; write milliseconds as a number, or text such as '20s' or '5 minutes'.",
      'keep.untilRetrieved is "yes"; write true or false.',
      'keep.afterSuccess is "1 minute"; write a duration of 15 minutes to 3650 days, or false where it is not to be kept.',
    ].map(about),
  )
})

test('lists of queues that are none, and what contradicts itself', () => {
  const list = `give an array that is not empty, such as [{ queue: 'urgent', when: (request) => … }].`
  assert.deepEqual(hired({ queues: [] }).problems, [about(`queues is []; ${list}`)])
  assert.deepEqual(hired({ queues: 'urgent' }).problems, [about(`queues is "urgent"; ${list}`)])
  assert.deepEqual(hired({ queues: ['urgent', undefined] }).problems, [
    about(`queues[0] is "urgent"; give an object, such as { queue: 'urgent', when: (request) => … }.`),
    about(`queues[1] is undefined; give an object, such as { queue: 'urgent', when: (request) => … }.`),
  ])
  assert.deepEqual(hired({ keep: { afterSuccess: false, untilRetrieved: true } }).problems, [
    about(
      'keep.untilRetrieved is true; with afterSuccess: false there is nothing that could be kept; say how long, or leave it out.',
    ),
  ])
  assert.deepEqual(resolve([processor(42)]).problems, [
    'Application "app-0": definitions[0]: it was given 42; give an object of options that can be read.',
  ])
  assert.deepEqual(resolve([processor({ name: 'hiring' }), processor({ name: 'hiring' })]).problems, [
    about(
      'it is there 2 times; remove or rename all but one, or put the one that overrides into an application that uses this one.',
    ),
  ])
})

test('all who name a queue say the same of it', () => {
  const when = () => true
  const rest = { queue: 'standard' }
  const a = processor({ name: 'a', queues: [{ queue: 'bulk', partitions: 12, when }, rest] })
  const b = processor({ name: 'b', queues: [{ queue: 'bulk', when }, rest] })
  const bulk = defineQueueProcessor({
    name: 'bulk',
    input,
    dedicated: { partitions: 12, maxWaiting: 5 },
    process: () => 1,
  })
  const other = service({ name: 'fire', requestProcessor: b })
  assert.deepEqual(resolve([a, b, service({ requestProcessor: a }), other]).problems, [
    'Queue "bulk" has partitions 12 by request processor "a" and 6 by request processor "b"; write the same number.',
  ])
  assert.deepEqual(resolve([a, bulk, service({ requestProcessor: a })]).problems, [])
})

test('an order group needs the same queues', () => {
  const hiring = processor({
    name: 'hiring',
    queues: [{ queue: 'urgent', when: () => true }, { queue: 'standard' }],
  })
  const key = ({ id }: { id: string }) => id
  const grouped = { key, orderGroup: 'workers' }
  const one = service({ ...grouped, requestProcessor: hiring })
  const same = service({ ...grouped, name: 'fire', requestProcessor: hiring })
  assert.deepEqual(resolve([hiring, one, same]).problems, [])
  assert.deepEqual(resolve([hiring, one, service({ ...grouped, name: 'fire' })]).problems, [
    'orderGroup "workers" has definitions on different queues: "service:hire" of application "app-0" on "urgent" and "standard" and "service:fire" of application "app-0" on "standard"; order holds within one queue, so put them on one, or give them groups of their own.',
  ])
})

test('a queue processor has none, and a service says its queue through one', () => {
  const provision = defineQueueProcessor({ name: 'provision', input, requestProcessor: 'a' } as never)
  assert.deepEqual(resolve([provision, service({ keep: {} })]).problems, [
    'Application "app-0", queue processor "provision": unknown option "requestProcessor"; only services have it.',
    'Application "app-0", service "hire": unknown option "keep"; its request processor says it: requestProcessor.',
  ])
})
