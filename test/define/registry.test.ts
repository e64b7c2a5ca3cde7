import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { defineApplication } from '../../src/define/application.ts'
import { defineQueueProcessor } from '../../src/define/queue-processor.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { defineRequestProcessor } from '../../src/define/request-processor.ts'
import { defineService } from '../../src/define/service.ts'

const input = z.object({ id: z.string() })
const key = (given: { id: string }) => given.id

/** An application as JavaScript would define it: of anything. */
const application = (name: unknown, definitions: unknown, uses?: unknown) =>
  defineApplication({ name, definitions, ...(uses === undefined ? {} : { uses }) } as never)
const resolve = (...applications: unknown[]) => resolveApplications(applications as never)

const provision = defineQueueProcessor({ name: 'provision', input, key })
const provisionWork = provision.process(() => 'below')
const hire = defineService({ name: 'hire', input, run: () => 1 })

test('definitions are found by their id, each of the application that declared it', () => {
  const { registry, problems } = resolve(application('hr', [provisionWork]), application('web', [hire]))
  assert.deepEqual(problems, [])
  assert.deepEqual(
    [...registry.definitions].map(([id, definition]) => [id, definition.id, definition.application]),
    [
      ['provision', 'provision', 'hr'],
      ['service:hire', 'service:hire', 'web'],
    ],
  )
  assert.ok(Object.isFrozen(registry))
})

test('a queue processor and a service may have one name', () => {
  const service = defineService({ name: 'provision', input, run: () => 1 })
  const { registry, problems } = resolve(application('hr', [provisionWork, service]))
  assert.deepEqual(problems, [])
  assert.deepEqual([...registry.definitions.keys()], ['provision', 'service:provision'])
})

test('an earlier application overrides a later one as a whole, and the path stays that of the later', () => {
  const above = defineService({ name: 'hire', input, concurrency: 2, run: () => 'above' })
  const below = defineService({ name: 'hire', input, timeout: '1s', run: () => 'below' })
  const { registry, problems } = resolve(application('berlin', [above]), application('hr', [below]))
  assert.deepEqual(problems, [])
  const definition = registry.definitions.get('service:hire')
  assert.equal(definition?.run?.(null, null as never), 'above')
  assert.deepEqual([definition.concurrency, definition.timeoutMs], [2, 300_000])
  assert.deepEqual([definition.application, definition.service?.path], ['hr', '/services/hr/hire'])
})

test('an application overrides those it uses; whoever comes first in uses overrides the next', () => {
  const named = (result: string) => defineQueueProcessor({ name: 'provision', input, process: () => result })
  const other = (result: string) => defineQueueProcessor({ name: 'other', input, process: () => result })
  const base = application('base', [named('base'), other('base')])
  const left = application('left', [named('left')], [base])
  const right = application('right', [named('right'), other('right')], [base])
  const top = application('top', [], [left, right])
  const { registry, problems } = resolve(top)
  assert.deepEqual(problems, [])
  // base lies below both, though left alone would bring it in first
  assert.equal(registry.definitions.get('provision')?.run?.(null, null as never), 'left')
  assert.equal(registry.definitions.get('other')?.run?.(null, null as never), 'right')
  assert.equal(registry.definitions.get('other')?.application, 'base')
})

test('an application that is there twice counts once', () => {
  const hr = application('hr', [provisionWork])
  assert.deepEqual(resolve(hr, hr, application('web', [], [hr])).problems, [])
})

test('a declaration and the definition with its handler are one', () => {
  for (const definitions of [
    [provision, provisionWork],
    [provisionWork, provision],
  ]) {
    const { registry, problems } = resolve(application('hr', definitions))
    assert.deepEqual(problems, [])
    assert.equal(registry.definitions.size, 1)
    assert.equal(registry.definitions.get('provision')?.run?.(null, null as never), 'below')
    assert.equal(registry.definitions.get('provision')?.key, key)
  }
})

test('what the definition with the handler leaves open, its declaration says', () => {
  const apart = defineQueueProcessor({ name: 'provision', input, key, concurrency: 3 })
  const handled = defineQueueProcessor({ name: 'provision', input, concurrency: 4, process: () => 1 })
  const definition = resolve(application('hr', [apart, handled])).registry.definitions.get('provision')
  assert.deepEqual([definition?.key, definition?.concurrency], [key, 4])
})

test('a handler that is none is told', () => {
  const way = 'give a function, such as async (input, ctx) => { … }.'
  assert.deepEqual(resolve(application('hr', [provision.process(undefined as never)])).problems, [
    `Application "hr", queue processor "provision": process is null; ${way}`,
  ])
  assert.deepEqual(
    resolve(application('hr', [defineService({ name: 'a', input }).run(5 as never)])).problems,
    [`Application "hr", service "a": run is 5; ${way}`],
  )
})

test('a declaration alone has no handler', () => {
  const { registry, problems } = resolve(application('web', [provision]))
  assert.deepEqual(problems, [])
  assert.ok(!('run' in (registry.definitions.get('provision') ?? {})))
})

test('a declaration above takes no handler away, and lays its options over', () => {
  const above = defineQueueProcessor({ name: 'provision', input, concurrency: 3 })
  const work = defineQueueProcessor({ name: 'provision', input, key, concurrency: 4, process: () => 'below' })
  const { registry, problems } = resolve(
    application('web', [above]),
    application('hr', [work]),
    application('old', [provision.process(() => 'old')]),
  )
  assert.deepEqual(problems, [])
  const definition = registry.definitions.get('provision')
  assert.equal(definition?.run?.(null, null as never), 'below')
  assert.deepEqual([definition.concurrency, definition.key, definition.application], [3, key, 'old'])
})

test('what is there twice in one application is told', () => {
  const way =
    'remove or rename all but one, or put the one that overrides into an application that uses this one.'
  const twice = `Application "hr", queue processor "provision": it is there 2 times; ${way}`
  const again = defineQueueProcessor({ name: 'provision', input })
  for (const definitions of [
    [provisionWork, provision.process(() => 2)],
    [provision, again],
    [provision, provision],
  ])
    assert.deepEqual(resolve(application('hr', definitions)).problems, [twice])
  assert.deepEqual(resolve(application('hr', [provision, again, provisionWork])).problems, [
    twice.replace('2 times', '3 times'),
  ])
})

test('two applications of one name are told', () => {
  assert.deepEqual(resolve(application('hr', []), application('web', [], [application('hr', [])])).problems, [
    '2 applications are named "hr"; rename all but one.',
  ])
})

test('an application without a good name is told', () => {
  const rule = 'write lower-case letters, digits and hyphens, a letter first, at most 63 characters.'
  assert.deepEqual(resolve(application('HR', [])).problems, [`Application "HR": name is "HR"; ${rule}`])
  assert.deepEqual(resolve(application(undefined, []), application(5, [])).problems, [
    `applications[0]: name is undefined; ${rule}`,
    `applications[1]: name is 5; ${rule}`,
  ])
})

test('what is no application is told, with what to do', () => {
  assert.deepEqual(resolveApplications(undefined as never).problems, [
    'applications is undefined; give an array.',
  ])
  assert.deepEqual(resolveApplications({ a: 1 } as never).problems, [
    'applications is {"a":1}; give an array.',
  ])
  assert.deepEqual(resolve(42, undefined).problems.toSorted(), [
    'applications[0] is 42, which is no application; make it with defineApplication.',
    'applications[1] is undefined, which is no application; make it with defineApplication.',
  ])
  assert.deepEqual(
    resolve({ kind: 'application', name: 'hr', options: { name: 'hr', definitions: [] } }).problems.length,
    1,
    'only defineApplication makes one',
  )
  assert.deepEqual(resolve(provision).problems, [
    'applications[0] is the queue processor "provision"; put it into an application: defineApplication({ name: \'…\', definitions: [it] }).',
  ])
  assert.deepEqual(resolve(application('hr', [], [hire])).problems, [
    'Application "hr": uses[0] is the service "hire"; put it into an application: defineApplication({ name: \'…\', definitions: [it] }).',
  ])
  assert.deepEqual(resolve(application('hr', [], 5)).problems, [
    'Application "hr": uses is 5; give an array.',
  ])
  assert.deepEqual(resolve(defineApplication(42 as never)).problems, [
    'applications[0]: it was given 42; give an object of options that can be read.',
  ])
})

test('what is no definition is told, with what to do', () => {
  const way =
    'which is no definition; make it with defineQueueProcessor, defineService or defineRequestProcessor.'
  assert.deepEqual(resolve(application('hr', [42, { name: 'a' }, () => 1])).problems, [
    `Application "hr": definitions[0] is 42, ${way}`,
    `Application "hr": definitions[1] is {"name":"a"}, ${way}`,
    `Application "hr": definitions[2] is a function, ${way}`,
  ])
  assert.deepEqual(resolve(application('hr', undefined)).problems, [
    'Application "hr": definitions is undefined; give an array.',
  ])
  assert.deepEqual(resolve(application('hr', [application('web', [])])).problems, [
    'Application "hr": definitions[0] is the application "web"; put it into "uses".',
  ])
  const given = 'give an object of options that can be read.'
  assert.deepEqual(
    resolve(application('hr', [defineQueueProcessor(undefined as never), defineService([1] as never)]))
      .problems,
    [
      `Application "hr": definitions[0]: it was given undefined; ${given}`,
      `Application "hr": definitions[1]: it was given [1]; ${given}`,
    ],
  )
})

test('unknown options of an application are told', () => {
  assert.deepEqual(resolve(defineApplication({ name: 'hr', definitions: [], use: [] } as never)).problems, [
    'Application "hr": unknown option "use"; did you mean "uses"?',
  ])
})

test('a group of one order cannot span queues', () => {
  const member = (name: string, more: object = {}) =>
    defineQueueProcessor({ name, input, key, orderGroup: 'workers', ...more })
  const sentence = (other: string) =>
    `orderGroup "workers" has definitions on different queues: "a" of application "hr" on "standard" and ${other} of application "hr" on "b"; order holds within one queue, so put them on one, or give them groups of their own.`
  assert.deepEqual(resolve(application('hr', [member('a'), member('b')])).problems, [])
  assert.deepEqual(resolve(application('hr', [member('a'), member('b', { dedicated: {} })])).problems, [
    sentence('"b"'),
  ])
  // a group that has the name of a definition shares its scope
  const named = defineQueueProcessor({ name: 'workers', input, key, dedicated: {} })
  assert.equal(resolve(application('hr', [member('a'), named])).problems.length, 1)
})

test('two services cannot have one path', () => {
  const at = (name: string, path: string) => defineService({ name, input, http: { path } })
  assert.deepEqual(resolve(application('hr', [at('a', '/x'), at('b', '/x'), at('c', '/y')])).problems, [
    'Services "a" of application "hr" and "b" of application "hr" have the same http.path "/x"; give each its own.',
  ])
  assert.equal(resolve(application('hr', [hire, at('b', '/services/hr/hire')])).problems.length, 1)
})

test('definitions of another copy of the package are taken', () => {
  const brand = Symbol.for('coatcheck.error')
  const provisionOfCopy = {
    kind: 'queue-processor',
    name: 'a',
    options: { name: 'a', input, process: () => 1 },
    [brand]: 'queue-processor',
  }
  const hrOfCopy = {
    kind: 'application',
    name: 'hr',
    options: { name: 'hr', definitions: [provisionOfCopy] },
    [brand]: 'application',
  }
  const { registry, problems } = resolve(hrOfCopy)
  assert.deepEqual(problems, [])
  assert.equal(registry.definitions.get('a')?.application, 'hr')
})

test('applications that use each other, as only a forgery can, end', () => {
  const forged = {
    kind: 'application',
    name: 'hr',
    options: { name: 'hr', definitions: [provisionWork], uses: [] as unknown[] },
    [Symbol.for('coatcheck.error')]: 'application',
  }
  forged.options.uses.push(forged)
  assert.equal(resolve(forged).registry.definitions.size, 1)
})

test('what is defined is frozen, and does not follow what it was made of', () => {
  const options = { name: 'a', input, concurrency: 5 }
  const definitions = [defineQueueProcessor(options)]
  const hr = defineApplication({ name: 'hr', definitions })
  options.concurrency = 0
  const { registry, problems } = resolve(hr)
  assert.deepEqual(problems, [])
  assert.equal(registry.definitions.get('a')?.concurrency, 5)
  for (const made of [definitions[0], hr, registry, registry.definitions.get('a')])
    assert.ok(Object.isFrozen(made))
})

/** What nobody should give, and somebody will. */
function hostileValues(): unknown[] {
  const explode = (): never => {
    throw new Error('hostile')
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const revokedArray = Proxy.revocable([], {})
  revokedArray.revoke()
  const trapped = new Proxy(Object.freeze({ name: 'a' }), {
    get: explode,
    ownKeys: explode,
    getPrototypeOf: explode,
    getOwnPropertyDescriptor: explode,
  })
  const getters = Object.defineProperty({ input }, 'name', { get: explode, enumerable: true })
  return [
    undefined,
    null,
    0,
    Number.NaN,
    5n,
    'x',
    true,
    Symbol('s'),
    explode,
    [],
    {},
    revoked.proxy,
    revokedArray.proxy,
    trapped,
    getters,
    Object.freeze({}),
    Object.create(null),
    new Date(),
    { name: trapped, input: trapped, retry: trapped, definitions: trapped },
  ]
}

test('define* and resolveApplications never throw, whatever they are given', () => {
  const apart = (value: unknown) => [
    defineQueueProcessor(value as never),
    defineService(value as never),
    defineRequestProcessor(value as never),
    defineQueueProcessor({ name: 'a', input }).process(value as never),
    defineService({ name: 'b', input }).run(value as never),
    (defineQueueProcessor(value as never) as { process?: (handler: unknown) => unknown }).process?.(() => 1),
  ]
  for (const value of hostileValues()) {
    for (const made of [value, ...apart(value)]) {
      const tried = [
        resolveApplications(made as never),
        resolve(made),
        resolve(defineApplication(made as never)),
        resolve(application('hr', made)),
        resolve(application('hr', [made])),
        resolve(application('hr', [], made)),
        resolve(application('hr', [], [made])),
        resolve(application(made, [])),
      ]
      for (const { problems } of tried) for (const problem of problems) assert.match(problem, /^\S.*[.?]$/s)
    }
    const unreadable = resolve(
      application('hr', [
        defineQueueProcessor({
          name: 'a',
          input: value,
          retry: value,
          dedicated: value,
          key: value,
        } as never),
        defineService({ name: 'a', input: value, http: value } as never),
        defineService({ name: 'b', input, requestProcessor: value } as never),
        defineRequestProcessor({ name: 'a', queues: value, retry: value, keep: value } as never),
        defineRequestProcessor({ name: 'b', queues: [value, { queue: value, when: value }] } as never),
      ]),
    )
    assert.notEqual(unreadable.problems.length, 0)
  }
})

test('options of any value are told or taken, never thrown', () => {
  const names = [
    'name',
    'input',
    'output',
    'key',
    'concurrency',
    'retry',
    'timeout',
    'order',
    'orderGroup',
    'onBroken',
    'supersede',
    'tracking',
    'retention',
    'maxPayload',
    'upgrade',
    'dedicated',
    'process',
    'run',
    'execution',
    'queueWhen',
    'respondAsync',
    'maxRunning',
    'idempotency',
    'http',
    'requestProcessor',
    'queues',
    'keep',
  ]
  const options = fc.dictionary(
    fc.oneof(fc.constantFrom(...names), fc.string()),
    fc.anything({ withBigInt: true, withNullPrototype: true }),
    { maxKeys: 8 },
  )
  fc.assert(
    fc.property(options, (given) => {
      const { problems } = resolve(
        application('hr', [
          defineQueueProcessor(given as never),
          defineService(given as never),
          defineRequestProcessor(given as never),
        ]),
      )
      assert.ok(problems.every((problem) => typeof problem === 'string' && problem.length < 1000))
    }),
  )
})
