import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineApplication } from '../../src/define/application.ts'
import type { Definition } from '../../src/define/definition.ts'
import { defineQueueProcessor } from '../../src/define/queue-processor.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { defineService } from '../../src/define/service.ts'

const input = z.object({ id: z.string() })

/** Options as JavaScript would give them: of any type. */
type Given = Record<string, unknown>

function resolve(definitions: unknown[]) {
  return resolveApplications([defineApplication({ name: 'hr', definitions: definitions as never })])
}

function processorOf(options: Given): { definition: Definition; problems: string[] } {
  const { registry, problems } = resolve([
    defineQueueProcessor({ name: 'provision', input, ...options } as never),
  ])
  return { definition: registry.definitions.get('provision') as Definition, problems }
}

function serviceOf(options: Given): { definition: Definition; problems: string[] } {
  const { registry, problems } = resolve([defineService({ name: 'hire', input, ...options } as never)])
  return { definition: registry.definitions.get('service:hire') as Definition, problems }
}

const aboutProcessor = (end: string) => `Application "hr", queue processor "provision": ${end}`
const aboutService = (end: string) => `Application "hr", service "hire": ${end}`

/** The problems that one option makes. */
function checkProblems(
  options: Given,
  ends: string[],
  of: 'queue-processor' | 'service' = 'queue-processor',
): void {
  const { problems } = of === 'service' ? serviceOf(options) : processorOf(options)
  const about = of === 'service' ? aboutService : aboutProcessor
  assert.deepEqual(problems, ends.map(about))
}

const key = (given: { id: string }) => given.id

test('secret places of the payload are JSON Pointers', () => {
  const secret = ['/ssn', '/cards/*/number', '/a~1b/~0', '/']
  assert.deepEqual(processorOf({ secret }).definition.secret, secret)
  assert.deepEqual(serviceOf({ secret }).definition.secret, secret)
  for (const wrong of [[], ['ssn'], [''], ['/a~2'], '/ssn', [1], Array.from({ length: 101 }, () => '/a')])
    assert.match(
      processorOf({ secret: wrong }).problems.join(),
      /secret is .*; give a list of 1 to 100 JSON Pointers, such as \['\/ssn', '\/card\/number'\]/,
    )
})

test('a queue processor has these defaults', () => {
  const { definition, problems } = processorOf({})
  assert.deepEqual(problems, [])
  assert.deepEqual(definition, {
    id: 'provision',
    kind: 'queue-processor',
    name: 'provision',
    application: 'hr',
    queue: 'standard',
    partitions: 6,
    input,
    orderScope: 'provision',
    order: 'relaxed',
    onBroken: 'continue',
    concurrency: 10,
    retry: { maxAttempts: 3, initialDelayMs: 60_000, factor: 2, maxDelayMs: 3_600_000, jitter: 0.1 },
    timeoutMs: 300_000,
    tracking: 'all',
    retention: {
      succeededMs: 604_800_000,
      cancelledMs: 604_800_000,
      brokenMs: 36_500 * 86_400_000,
      untilRetrieved: false,
    },
    maxPayloadBytes: 1_048_576,
  })
  assert.ok(Object.isFrozen(definition) && Object.isFrozen(definition.retry))
})

test('a service has these defaults', () => {
  const { definition, problems } = serviceOf({})
  assert.deepEqual(problems, [])
  assert.deepEqual(
    [
      definition.id,
      definition.kind,
      definition.orderScope,
      definition.queue,
      definition.tracking,
      definition.service,
    ],
    [
      'service:hire',
      'service',
      'service:hire',
      'standard',
      'all',
      {
        execution: 'queue',
        respondAsync: true,
        maxRunning: 1_000,
        idempotency: { required: false, keptMs: 86_400_000 },
        callback: true,
        path: '/services/hr/hire',
      },
    ],
  )
  assert.ok(Object.isFrozen(definition.service))
})

test('every option of a queue processor arrives', () => {
  const process = () => 1
  const upgrade = (stored: unknown) => stored
  const { definition, problems } = processorOf({
    key,
    concurrency: 50,
    timeout: '30s',
    order: 'relaxed',
    orderGroup: 'workers',
    onBroken: 'continue',
    supersede: 'older',
    retry: { maxAttempts: 5, initialDelay: '5s', factor: 3, maxDelay: '10 minutes', jitter: 0 },
    tracking: 'failures',
    retention: '30 days',
    maxPayload: '200 kB',
    upgrade,
    dedicated: { partitions: 12, stream: 'postgres' },
    process,
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(definition, {
    id: 'provision',
    kind: 'queue-processor',
    name: 'provision',
    application: 'hr',
    queue: 'provision',
    partitions: 12,
    partitionsAsked: 12,
    input,
    key,
    orderScope: 'workers',
    order: 'relaxed',
    onBroken: 'continue',
    supersede: 'older',
    concurrency: 50,
    retry: { maxAttempts: 5, initialDelayMs: 5000, factor: 3, maxDelayMs: 600_000, jitter: 0 },
    timeoutMs: 30_000,
    tracking: 'failures',
    retention: {
      succeededMs: 2_592_000_000,
      cancelledMs: 2_592_000_000,
      brokenMs: 36_500 * 86_400_000,
      untilRetrieved: false,
    },
    maxPayloadBytes: 204_800,
    upgrade,
    run: process,
  })
})

test('every option of a service arrives', () => {
  const run = () => ({ account: 'a' })
  const output = z.object({ account: z.string() })
  const queueWhen = () => true
  const { definition, problems } = serviceOf({
    key,
    output,
    execution: 'immediate',
    queueWhen,
    respondAsync: false,
    maxRunning: 20,
    idempotency: { required: true, keepFor: '2 hours' },
    callback: false,
    http: { path: '/v1/hire' },
    run,
  })
  assert.deepEqual(problems, [])
  assert.deepEqual([definition.output, definition.order, definition.run], [output, 'strict', run])
  assert.deepEqual(definition.service, {
    execution: 'immediate',
    queueWhen,
    respondAsync: false,
    maxRunning: 20,
    idempotency: { required: true, keptMs: 7_200_000 },
    callback: false,
    path: '/v1/hire',
  })
})

test('a dedicated queue has the name of its processor', () => {
  const { definition } = processorOf({ dedicated: {} })
  assert.deepEqual([definition.queue, definition.partitions], ['provision', 6])
})

test('with a key the order is strict', () => {
  assert.equal(processorOf({ key }).definition.order, 'strict')
})

test('a first delay beyond an hour raises the longest delay that is not set', () => {
  assert.equal(processorOf({ retry: { initialDelay: '2 hours' } }).definition.retry.maxDelayMs, 7_200_000)
})

test('delays one by one say how many attempts there are', () => {
  const { definition, problems } = processorOf({ retry: { delays: ['5s', 300_000, '1 hour'], jitter: 0 } })
  assert.deepEqual(problems, [])
  const { delaysMs, maxAttempts, jitter } = definition.retry
  assert.deepEqual(
    { delaysMs, maxAttempts, jitter },
    { delaysMs: [5_000, 300_000, 3_600_000], maxAttempts: 4, jitter: 0 },
  )
})

test('delays that cannot be used', () => {
  const way = `write 1 to 999 durations of at most 30 days, such as ['5s', '5 minutes', '1 hour'].`
  checkProblems({ retry: { delays: [] } }, [`retry.delays is []; ${way}`])
  checkProblems({ retry: { delays: '5s' } }, [`retry.delays is "5s"; ${way}`])
  checkProblems({ retry: { delays: ['5s', 'soon'] } }, [`retry.delays is ["5s","soon"]; ${way}`])
  checkProblems({ retry: { delays: ['31 days'] } }, [`retry.delays is ["31 days"]; ${way}`])
  checkProblems({ retry: { delays: ['5s'], maxAttempts: 3 } }, [
    'retry.maxAttempts is 3; delays says it already; leave one of them out.',
  ])
})

test('names', () => {
  const rule = 'write lower-case letters, digits and hyphens, a letter first, at most 63 characters'
  for (const name of ['Provision', '1st', '-a', 'a_b', 'a b', 'ä', `a${'b'.repeat(63)}`, 'a\n']) {
    const { problems } = resolve([defineQueueProcessor({ name, input })])
    const shown = JSON.stringify(name)
    const cut = shown.length > 60 ? `${shown.slice(0, 59)}…` : shown
    assert.deepEqual(problems, [`Application "hr", queue processor ${cut}: name is ${cut}; ${rule}.`])
  }
  for (const name of ['a', 'a-1', `a${'b'.repeat(62)}`])
    assert.deepEqual(resolve([defineQueueProcessor({ name, input })]).problems, [])
  const { registry, problems } = resolve([
    defineQueueProcessor({ input } as never),
    defineService({ name: 5, input } as never),
    defineService({ name: '', input }),
  ])
  assert.deepEqual(problems, [
    `Application "hr": definitions[0]: name is undefined; ${rule}.`,
    `Application "hr": definitions[1]: name is 5; ${rule}.`,
    `Application "hr": definitions[2]: name is ""; ${rule}.`,
  ])
  assert.equal(registry.definitions.size, 0)
})

test('schemas', () => {
  const way = 'give a Standard Schema, such as z.object({ … }) of zod 3.24 or newer.'
  checkProblems({ input: undefined }, [`input is undefined; every definition needs one; ${way}`])
  checkProblems({ input: { parse: () => 1 } }, [`input is {}; ${way}`])
  checkProblems({ input: { '~standard': { version: 2, validate: () => 1 } } }, [
    `input is {"~standard":{"version":2}}; ${way}`,
  ])
  checkProblems({ input: { '~standard': { version: 1, validate: 5 } } }, [
    `input is {"~standard":{"version":1,"validate":5}}; ${way}`,
  ])
  checkProblems({ output: 'text' }, [`output is "text"; ${way}`], 'service')
  const callable = Object.assign(() => 1, {
    '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 1 }) },
  })
  checkProblems({ input: callable }, [])
})

test('functions', () => {
  checkProblems({ key: 'id' }, ['key is "id"; give a function, such as (input) => input.customerId.'])
  checkProblems({ process: 5 }, ['process is 5; give a function, such as async (input, ctx) => { … }.'])
  checkProblems({ upgrade: {} }, [
    'upgrade is {}; give a function, such as (stored) => ({ ...stored, version: 2 }).',
  ])
  checkProblems({ run: 5 }, ['run is 5; give a function, such as async (input, ctx) => { … }.'], 'service')
  checkProblems(
    { execution: 'immediate', queueWhen: 'CONNECTION_FAILED' },
    [
      `queueWhen is "CONNECTION_FAILED"; give a function, such as (error) => error.code === 'CONNECTION_FAILED'.`,
    ],
    'service',
  )
})

test('numbers', () => {
  for (const concurrency of [0, 10_001, 1.5, '10', Number.NaN, null, -1])
    checkProblems({ concurrency }, [
      `concurrency is ${typeof concurrency === 'string' ? '"10"' : concurrency}; write a whole number from 1 to 10,000.`,
    ])
  for (const maxAttempts of [0, 1001])
    checkProblems({ retry: { maxAttempts } }, [
      `retry.maxAttempts is ${maxAttempts}; write a whole number from 1 to 1,000.`,
    ])
  for (const factor of [0.9, 101])
    checkProblems({ retry: { factor } }, [`retry.factor is ${factor}; write a number from 1 to 100.`])
  for (const jitter of [-0.1, 1.1])
    checkProblems({ retry: { jitter } }, [`retry.jitter is ${jitter}; write a number from 0 to 1.`])
  for (const partitions of [0, 4097])
    checkProblems({ dedicated: { partitions } }, [
      `dedicated.partitions is ${partitions}; write a whole number from 1 to 4,096.`,
    ])
  for (const options of [
    { concurrency: 1 },
    { concurrency: 10_000 },
    { retry: { maxAttempts: 1, factor: 1, jitter: 0 } },
    { retry: { maxAttempts: 1000, factor: 100, jitter: 1 } },
    { dedicated: { partitions: 1 } },
    { dedicated: { partitions: 4096 } },
  ])
    checkProblems(options, [])
})

test('durations and sizes', () => {
  const wrong = `write milliseconds as a number, or text such as '20s' or '5 minutes'.`
  for (const name of ['timeout', 'retention'])
    checkProblems({ [name]: 'soon' }, [`${name} is "soon"; ${wrong}`])
  for (const name of ['initialDelay', 'maxDelay'])
    checkProblems({ retry: { [name]: -1 } }, [`retry.${name} is -1; ${wrong}`])
  for (const timeout of [0, 0.5, '8 days'])
    checkProblems({ timeout }, [`timeout is ${JSON.stringify(timeout)}; write a duration of 1 ms to 7 days.`])
  checkProblems({ retention: '3651d' }, ['retention is "3651d"; write a duration of 0 to 3650 days.'])
  checkProblems({ retry: { maxDelay: '31 days' } }, [
    'retry.maxDelay is "31 days"; write a duration of 0 to 30 days.',
  ])
  checkProblems({ retry: { initialDelay: '10 minutes', maxDelay: '1 minute' } }, [
    'retry.maxDelay is "1 minute"; it is shorter than the first delay of 600000 ms; raise it, or lower retry.initialDelay.',
  ])
  checkProblems({ retry: { maxDelay: '1s' } }, [
    'retry.maxDelay is "1s"; it is shorter than the first delay of 60000 ms; raise it, or lower retry.initialDelay.',
  ])
  checkProblems({ maxPayload: 'huge' }, [
    `maxPayload is "huge"; write bytes as a number, or text such as '200 kB' or '1 MB'.`,
  ])
  for (const maxPayload of [0, '65 MB'])
    checkProblems({ maxPayload }, [
      `maxPayload is ${JSON.stringify(maxPayload)}; write a size of 1 byte to 64 MB.`,
    ])
  for (const options of [
    { timeout: 1 },
    { timeout: '7 days' },
    { retention: 0 },
    { retention: '3650d' },
    { maxPayload: 1 },
    { maxPayload: '64 MB' },
    { retry: { initialDelay: 0, maxDelay: 0 } },
  ])
    checkProblems(options, [])
})

test('choices', () => {
  checkProblems({ key, order: 'loose' }, [`order is "loose"; write 'strict' or 'relaxed'.`])
  checkProblems({ key, supersede: 'newer' }, [`supersede is "newer"; write 'older'.`])
  checkProblems({ tracking: true }, [`tracking is true; write 'all' or 'failures'.`])
  checkProblems({ onBroken: 'stop' }, [`onBroken is "stop"; write 'continue' or 'block'.`])
  checkProblems({ dedicated: { stream: 'redis' } }, [`dedicated.stream is "redis"; write 'postgres'.`])
  checkProblems({ execution: 'later' }, [`execution is "later"; write 'immediate' or 'queue'.`], 'service')
  checkProblems(
    { idempotency: { keepFor: '1s', require: true } },
    [
      'unknown option "idempotency.require"; did you mean "idempotency.required"?',
      'idempotency.keepFor is "1s"; write a duration of 1 minute to 365 days.',
    ],
    'service',
  )
  checkProblems(
    { maxRunning: 5 },
    [
      'maxRunning is 5; only an immediate service runs in requests; write "concurrency" for its items, or leave it out.',
    ],
    'service',
  )
  checkProblems(
    { execution: 'immediate', maxRunning: 0 },
    ['maxRunning is 0; write a whole number from 1 to 10,000.'],
    'service',
  )
  checkProblems({ respondAsync: 'no' }, ['respondAsync is "no"; write true or false.'], 'service')
})

test('what is not part of this release is said plainly', () => {
  checkProblems({ dedicated: { stream: 'kafka' } }, [
    `dedicated.stream is "kafka"; the kafka stream is not part of this release; leave "stream" out or write 'postgres'.`,
  ])
})

test('blocking a key needs one, and an order that it can keep', () => {
  checkProblems({ key, onBroken: 'block' }, [])
  checkProblems({ key, onBroken: 'block', order: 'strict', orderGroup: 'people' }, [])
  checkProblems({ onBroken: 'block' }, [
    'onBroken is "block"; that needs a key; add key: (input) => …, or leave it out.',
  ])
  checkProblems({ key, onBroken: 'block', order: 'relaxed' }, [
    `onBroken is "block"; it keeps what comes later of a key waiting, which order: 'relaxed' lets overtake; write 'continue', or leave "order" out.`,
  ])
  checkProblems({ key, onBroken: 'block', supersede: 'older' }, [
    `onBroken is "block"; the newest of a key would wait for an older one, which supersede: 'older' gives up; write 'continue', or leave "supersede" out.`,
  ])
})

test('what needs a key', () => {
  const way = 'that needs a key; add key: (input) => …, or leave it out.'
  checkProblems({ order: 'strict' }, [`order is "strict"; ${way}`])
  checkProblems({ orderGroup: 'workers' }, [`orderGroup is "workers"; ${way}`])
  checkProblems({ supersede: 'older' }, [`supersede is "older"; ${way}`])
  checkProblems({ order: 'relaxed' }, [`order is "relaxed"; ${way}`], 'service')
})

test('order groups are names', () => {
  checkProblems({ key, orderGroup: 'My group' }, [
    'orderGroup is "My group"; write lower-case letters, digits and hyphens, a letter first, at most 63 characters.',
  ])
  checkProblems({ key, orderGroup: 5 }, [
    'orderGroup is 5; write lower-case letters, digits and hyphens, a letter first, at most 63 characters.',
  ])
})

test('options within options', () => {
  checkProblems({ retry: 5 }, [
    `retry is 5; give an object, such as { maxAttempts: 5, initialDelay: '30s' }.`,
  ])
  checkProblems({ retry: [5] }, [
    `retry is [5]; give an object, such as { maxAttempts: 5, initialDelay: '30s' }.`,
  ])
  checkProblems({ dedicated: true }, ['dedicated is true; give an object, such as { partitions: 12 }.'])
  checkProblems({ http: '/hire' }, [`http is "/hire"; give an object, such as { path: '/hire' }.`], 'service')
})

test('the queue of everyone cannot be dedicated', () => {
  const { problems } = resolve([defineQueueProcessor({ name: 'standard', input, dedicated: {} })])
  assert.deepEqual(problems, [
    'Application "hr", queue processor "standard": dedicated is {}; its queue would be called "standard", as the shared one is; give the queue processor another name.',
  ])
  assert.deepEqual(resolve([defineQueueProcessor({ name: 'standard', input })]).problems, [])
})

test('queueWhen is for immediate services', () => {
  checkProblems(
    { queueWhen: () => true },
    [
      `queueWhen is the function queueWhen; only an immediate service asks it; add execution: 'immediate', or leave it out.`,
    ],
    'service',
  )
  checkProblems(
    { execution: 'queue', queueWhen: () => true },
    [
      `queueWhen is the function queueWhen; only an immediate service asks it; add execution: 'immediate', or leave it out.`,
    ],
    'service',
  )
})

test('paths', () => {
  const rule = `write a path such as '/hire' or '/v1/hire': a slash and letters, digits, dots, hyphens, underscores or tildes, once or more.`
  for (const path of [
    'hire',
    '/',
    '/hire/',
    '//hire',
    '/a/../b',
    '/.',
    '/a?b',
    '/a#b',
    '/a b',
    '/ä',
    '/{id}',
    '/a%2fb',
    '',
    5,
  ])
    checkProblems({ http: { path } }, [`http.path is ${JSON.stringify(path)}; ${rule}`], 'service')
  for (const first of ['queue-items', 'operate', 'console', 'healthz', 'openapi.json'])
    checkProblems(
      { http: { path: `/${first}/hire` } },
      [`http.path is "/${first}/hire"; /${first} belongs to the node itself; choose another.`],
      'service',
    )
  for (const path of ['/hire', '/v1/hire.json', '/services/hr/hire-now', '/..a/~b', '/operated'])
    checkProblems({ http: { path } }, [], 'service')
})

test('unknown options lead to the one that was meant', () => {
  checkProblems({ concurency: 5 }, ['unknown option "concurency"; did you mean "concurrency"?'])
  checkProblems({ retries: 5 }, ['unknown option "retries"; did you mean "retry"?'])
  checkProblems({ retry: { attempts: 5 } }, [
    'unknown option "retry.attempts"; did you mean "retry.maxAttempts"?',
  ])
  checkProblems({ retry: { backoff: 5 } }, [
    'unknown option "retry.backoff"; the options are retry.maxAttempts, retry.initialDelay, retry.factor, retry.maxDelay, retry.delays, retry.jitter.',
  ])
  checkProblems({ dedicated: { partition: 5 } }, [
    'unknown option "dedicated.partition"; did you mean "dedicated.partitions"?',
  ])
  checkProblems(
    { http: { pathh: '/a' } },
    ['unknown option "http.pathh"; did you mean "http.path"?'],
    'service',
  )
  checkProblems({ xyz: 1 }, [
    'unknown option "xyz"; the options are name, input, key, concurrency, retry, timeout, order, orderGroup, retention, maxPayload, upgrade, secret, onBroken, supersede, tracking, dedicated, process.',
  ])
  checkProblems(
    { xyz: undefined },
    [
      'unknown option "xyz"; the options are name, input, key, concurrency, retry, timeout, order, orderGroup, retention, maxPayload, upgrade, secret, output, execution, queueWhen, respondAsync, maxRunning, idempotency, callback, http, roles, accessGroup, requestProcessor, run.',
    ],
    'service',
  )
})

test('options of the other kind are told apart', () => {
  checkProblems({ run: () => 1 }, ['unknown option "run"; the handler of a queue processor is "process".'])
  checkProblems({ output: input }, [
    'unknown option "output"; the result of a queue processor is what "process" returns.',
  ])
  checkProblems({ execution: 'queue' }, ['unknown option "execution"; only services have it.'])
  checkProblems({ partitions: 12 }, [
    'unknown option "partitions"; did you mean "dedicated: { partitions }"?',
  ])
  checkProblems(
    { process: () => 1 },
    ['unknown option "process"; the handler of a service is "run".'],
    'service',
  )
  checkProblems(
    { tracking: 'all' },
    ['unknown option "tracking"; items of services are always tracked.'],
    'service',
  )
  checkProblems(
    { supersede: 'older' },
    ['unknown option "supersede"; only queue processors have it.'],
    'service',
  )
  checkProblems({ path: '/hire' }, ['unknown option "path"; did you mean "http: { path }"?'], 'service')
  // a member that every object has is no hint
  assert.match(
    processorOf({ toString: 1 }).problems[0] ?? '',
    /unknown option "toString"; the options are name, input/,
  )
})

test('all problems are told at once', () => {
  checkProblems(
    {
      input: 5,
      key: 5,
      concurrency: 0,
      timeout: 'x',
      retry: { maxAttempts: 0, factor: 0 },
      maxPayload: -1,
      bogus: 1,
    },
    [
      'unknown option "bogus"; the options are name, input, key, concurrency, retry, timeout, order, orderGroup, retention, maxPayload, upgrade, secret, onBroken, supersede, tracking, dedicated, process.',
      'key is 5; give a function, such as (input) => input.customerId.',
      'input is 5; give a Standard Schema, such as z.object({ … }) of zod 3.24 or newer.',
      'concurrency is 0; write a whole number from 1 to 10,000.',
      'retry.maxAttempts is 0; write a whole number from 1 to 1,000.',
      'retry.factor is 0; write a number from 1 to 100.',
      `timeout is "x"; write milliseconds as a number, or text such as '20s' or '5 minutes'.`,
      `maxPayload is -1; write bytes as a number, or text such as '200 kB' or '1 MB'.`,
    ],
  )
})

test('a service says which roles it wants, and the access group of its items', () => {
  const { definition, problems } = serviceOf({ roles: ['payroll', 'auditor'], accessGroup: 'finance' })
  assert.deepEqual(problems, [])
  assert.deepEqual(definition.service?.roles, ['payroll', 'auditor'])
  assert.equal(definition.service?.accessGroup, 'finance')
  const rule = "give a list of at least one text of 1 to 255 characters, such as ['hr-caller']."
  // an empty list would let nobody in, or everybody: nobody knows which was meant
  for (const roles of [[], [''], ['a', 7], 'payroll', ['a\nb']])
    checkProblems({ roles }, [`roles is ${JSON.stringify(roles)}; ${rule}`], 'service')
  checkProblems(
    { accessGroup: '' },
    ['accessGroup is ""; write text of 1 to 255 characters, without control characters.'],
    'service',
  )
  checkProblems({ roles: ['x'] }, ['unknown option "roles"; only services have it.'])
})
