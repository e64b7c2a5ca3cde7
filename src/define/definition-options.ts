import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isStandardSchema } from '../base/schema.ts'
import { closestName } from '../base/suggestion.ts'
import { isDeclared, type DefinitionKind, type HandledKind } from './declared.ts'
import { defaultRetentionMs, untilRemovedMs, type Definition, type ServiceSettings } from './definition.ts'
import { processorHints, processorOptions, serviceHints, serviceOptions } from './option-names.ts'
import type { OptionReader } from './option-reader.ts'
import {
  standardQueue,
  standardRequestProcessor,
  type RequestProcessorSettings,
} from './request-processor-options.ts'
import { readRetry } from './retry-options.ts'

const day = 86_400_000
/** Names a definition in the database. */
export function definitionId(kind: DefinitionKind, name: string): string {
  return kind === 'queue-processor' ? name : `${kind}:${name}`
}

/**
 * Reads the options of a definition, fills in the defaults and reports every problem.
 * @param application the one that first declared it
 * @param requestProcessors those of the applications, by name, the standard one among them
 */
export function readDefinition(
  kind: HandledKind,
  name: string,
  reader: OptionReader,
  application: string,
  requestProcessors: ReadonlyMap<string, RequestProcessorSettings>,
): Definition {
  const isService = kind === 'service'
  reader.onlyKnown(isService ? serviceOptions : processorOptions, isService ? serviceHints : processorHints)
  reader.name('name')
  const id = definitionId(kind, name)
  const key = reader.fn<NonNullable<Definition['key']>>('key', '(input) => input.customerId')
  const order = reader.oneOf('order', ['strict', 'relaxed'])
  const orderGroup = reader.isSet('orderGroup') ? reader.name('orderGroup') : undefined
  const upgrade = reader.fn<NonNullable<Definition['upgrade']>>(
    'upgrade',
    '(stored) => ({ ...stored, version: 2 })',
  )
  const run = reader.fn<NonNullable<Definition['run']>>(
    isService ? 'run' : 'process',
    'async (input, ctx) => { … }',
  )
  const secret = reader.pointers('secret', `['/ssn', '/card/number']`)
  const output = isService ? readSchema(reader, 'output') : undefined
  const requests = isService ? readRequests(reader, requestProcessors) : undefined
  const supersede = isService ? undefined : reader.oneOf('supersede', ['older'])
  needKey(reader, isService ? ['order', 'orderGroup'] : ['order', 'orderGroup', 'supersede'])
  return Object.freeze({
    id,
    kind,
    name,
    application,
    ...(requests ? queuesOfRequests(requests) : readQueue(name, reader)),
    input: readSchema(reader, 'input') ?? anything,
    ...(output && { output }),
    ...(key && { key }),
    orderScope: orderGroup ?? id,
    order: order ?? (key ? 'strict' : 'relaxed'),
    onBroken: isService ? 'continue' : readOnBroken(reader, order, supersede),
    ...(supersede && { supersede }),
    concurrency: reader.wholeNumber('concurrency', { from: 1, to: 10_000, unless: 10 }),
    retry: requests && !reader.isSet('retry') ? requests.retry : readRetry(reader),
    timeoutMs: reader.duration('timeout', { from: 1, to: 7 * day, unless: 300_000, words: '1 ms to 7 days' }),
    tracking: (isService ? undefined : reader.oneOf('tracking', ['all', 'failures'])) ?? 'all',
    retention: readRetention(reader, requests),
    maxPayloadBytes: reader.size('maxPayload', {
      from: 1,
      to: 67_108_864,
      unless: 1_048_576,
      words: '1 byte to 64 MB',
    }),
    ...(upgrade && { upgrade }),
    ...(secret && { secret }),
    ...(run && { run }),
    ...(isService && { service: readService(name, reader, application) }),
  })
}

/** Stands in for a missing schema, after that has been reported. */
const anything: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'coatcheck', validate: (value) => ({ value }) },
}

function readSchema(reader: OptionReader, name: 'input' | 'output'): StandardSchemaV1 | undefined {
  const schema = reader.options[name]
  if (isStandardSchema(schema)) return schema
  if (schema === undefined && name === 'output') return undefined
  const way = 'give a Standard Schema, such as z.object({ … }) of zod 3.24 or newer'
  reader.refuse(name, schema === undefined ? `every definition needs one; ${way}` : way)
  return undefined
}

function needKey(reader: OptionReader, names: readonly string[]): void {
  if (reader.isSet('key')) return
  for (const name of names)
    if (reader.isSet(name)) reader.refuse(name, 'that needs a key; add key: (input) => …, or leave it out')
}

function readRequests(
  reader: OptionReader,
  known: ReadonlyMap<string, RequestProcessorSettings>,
): RequestProcessorSettings | undefined {
  const given = reader.options['requestProcessor']
  const isOne = isDeclared(given) && given.kind === 'request-processor'
  const name = isOne ? given.name : (given ?? standardRequestProcessor)
  const found = typeof name === 'string' ? known.get(name) : undefined
  if (found) return found
  if (typeof name !== 'string')
    reader.refuse('requestProcessor', 'give one that defineRequestProcessor made, or its name')
  else {
    const closest = isOne ? undefined : closestName(name, [...known.keys()])
    reader.report(
      `requestProcessor is ${isOne ? 'request processor ' : ''}${JSON.stringify(name.slice(0, 80))}, which these applications do not have; ${closest === undefined ? 'add it to the definitions of one of them' : `did you mean "${closest}"?`}`,
    )
  }
  return known.get(standardRequestProcessor)
}

function queuesOfRequests({ name, choices, last }: RequestProcessorSettings) {
  return {
    ...last,
    ...(choices.length > 0 && { choices }),
    requestProcessor: name,
  }
}

function readRetention(
  reader: OptionReader,
  requests: RequestProcessorSettings | undefined,
): Definition['retention'] {
  if (requests && !reader.isSet('retention')) return requests.retention
  const keptMs = reader.duration('retention', {
    from: 0,
    to: 3650 * day,
    unless: defaultRetentionMs,
    words: '0 to 3650 days',
  })
  return Object.freeze({
    succeededMs: keptMs,
    cancelledMs: keptMs,
    brokenMs: requests?.limitsFailure ? keptMs : untilRemovedMs,
    untilRetrieved: requests?.retention.untilRetrieved ?? false,
  })
}

function readQueue(
  name: string,
  reader: OptionReader,
): Pick<Definition, 'queue' | 'partitions' | 'partitionsAsked' | 'maxWaiting'> {
  const dedicated = reader.within('dedicated', '{ partitions: 12 }')
  if (!dedicated) return { queue: standardQueue, partitions: 6 }
  dedicated.onlyKnown(['partitions', 'stream', 'maxWaiting'])
  if (dedicated.options['stream'] === 'kafka')
    dedicated.refuse(
      'stream',
      `the kafka stream is not part of this release; leave "stream" out or write 'postgres'`,
    )
  else dedicated.oneOf('stream', ['postgres'])
  if (name === standardQueue)
    reader.refuse(
      'dedicated',
      `its queue would be called "${standardQueue}", as the shared one is; give the queue processor another name`,
    )
  const partitions = dedicated.wholeNumber('partitions', { from: 1, to: 4096, unless: 6 })
  return {
    queue: name,
    partitions,
    ...(dedicated.isSet('partitions') && { partitionsAsked: partitions }),
    ...(dedicated.isSet('maxWaiting') && {
      maxWaiting: dedicated.wholeNumber('maxWaiting', { from: 1, to: 1_000_000_000_000, unless: 10_000_000 }),
    }),
  }
}

function readOnBroken(
  reader: OptionReader,
  order: string | undefined,
  supersede: string | undefined,
): Definition['onBroken'] {
  const onBroken = reader.oneOf('onBroken', ['continue', 'block']) ?? 'continue'
  if (onBroken === 'continue') return onBroken
  const way = `write 'continue', or leave`
  if (!reader.isSet('key'))
    reader.refuse('onBroken', 'that needs a key; add key: (input) => …, or leave it out')
  else if (order === 'relaxed')
    reader.refuse(
      'onBroken',
      `it keeps what comes later of a key waiting, which order: 'relaxed' lets overtake; ${way} "order" out`,
    )
  else if (supersede)
    reader.refuse(
      'onBroken',
      `the newest of a key would wait for an older one, which supersede: 'older' gives up; ${way} "supersede" out`,
    )
  return onBroken
}

/** First steps of paths that are the node's own. */
const ownPaths = [
  'queue-items',
  'import-sets',
  'callbacks',
  'healthz',
  'readyz',
  'metrics',
  'operate',
  'console',
  'docs',
  'openapi.json',
]

function readService(name: string, reader: OptionReader, application: string): ServiceSettings {
  const execution = reader.oneOf('execution', ['immediate', 'queue']) ?? 'queue'
  const queueWhen = reader.fn<NonNullable<ServiceSettings['queueWhen']>>(
    'queueWhen',
    `(error) => error.code === 'CONNECTION_FAILED'`,
  )
  if (queueWhen && execution === 'queue' && reader.options['execution'] !== 'immediate')
    reader.refuse(
      'queueWhen',
      `only an immediate service asks it; add execution: 'immediate', or leave it out`,
    )
  if (execution === 'queue' && reader.isSet('maxRunning'))
    reader.refuse(
      'maxRunning',
      `only an immediate service runs in requests; write "concurrency" for its items, or leave it out`,
    )
  const roles = reader.texts('roles', `['hr-caller']`)
  const accessGroup = reader.text('accessGroup')
  const http = reader.within('http', `{ path: '/hire' }`)
  http?.onlyKnown(['path'])
  return Object.freeze({
    execution,
    ...(queueWhen && { queueWhen }),
    respondAsync: reader.flag('respondAsync', true),
    maxRunning: reader.wholeNumber('maxRunning', { from: 1, to: 10_000, unless: 1_000 }),
    idempotency: readIdempotency(reader),
    callback: reader.flag('callback', true),
    path: (http && readPath(http)) ?? `/services/${application}/${name}`,
    ...(roles && { roles }),
    ...(accessGroup !== undefined && { accessGroup }),
  })
}

function readIdempotency(reader: OptionReader): ServiceSettings['idempotency'] {
  const given = reader.within('idempotency', `{ required: true, keepFor: '24 hours' }`)
  given?.onlyKnown(['required', 'keepFor'])
  const keptMs = given?.duration('keepFor', {
    from: 60_000,
    to: 365 * day,
    unless: day,
    words: '1 minute to 365 days',
  })
  return Object.freeze({ required: given?.flag('required', false) ?? false, keptMs: keptMs ?? day })
}

function readPath(http: OptionReader): string | undefined {
  const path = http.options['path']
  if (path === undefined) return undefined
  if (typeof path !== 'string' || !/^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/.test(path)) {
    http.refuse(
      'path',
      `write a path such as '/hire' or '/v1/hire': a slash and letters, digits, dots, hyphens, underscores or tildes, once or more`,
    )
    return undefined
  }
  const first = path.split('/')[1] ?? ''
  if (!ownPaths.includes(first)) return path
  http.refuse('path', `/${first} belongs to the node itself; choose another`)
  return undefined
}
