import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isStandardSchema } from '../base/schema.ts'
import type { DefinitionKind } from './declared.ts'
import type { Definition, RetryPolicy, ServiceSettings } from './definition.ts'
import {
  processorHints,
  processorOptions,
  retryOptions,
  serviceHints,
  serviceOptions,
} from './option-names.ts'
import type { OptionReader } from './option-reader.ts'

/** The queue that is there for everyone. */
export const standardQueue = 'standard'

const day = 86_400_000
/** Names a definition in the database. */
export function definitionId(kind: DefinitionKind, name: string): string {
  return kind === 'service' ? `service:${name}` : name
}

/**
 * Reads the options of a definition, fills in the defaults and reports every problem.
 * @param application the one that first declared it
 */
export function readDefinition(
  kind: DefinitionKind,
  name: string,
  reader: OptionReader,
  application: string,
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
  const output = isService ? readSchema(reader, 'output') : undefined
  const supersede = isService ? undefined : reader.oneOf('supersede', ['older'])
  needKey(reader, isService ? ['order', 'orderGroup'] : ['order', 'orderGroup', 'supersede'])
  return Object.freeze({
    id,
    kind,
    name,
    application,
    ...readQueue(name, isService ? undefined : reader),
    input: readSchema(reader, 'input') ?? anything,
    ...(output && { output }),
    ...(key && { key }),
    orderScope: orderGroup ?? id,
    order: order ?? (key ? 'strict' : 'relaxed'),
    onBroken: isService ? 'continue' : readOnBroken(reader),
    ...(supersede && { supersede }),
    concurrency: reader.wholeNumber('concurrency', { from: 1, to: 10_000, unless: 10 }),
    retry: readRetry(reader),
    timeoutMs: reader.duration('timeout', { from: 1, to: 7 * day, unless: 300_000, words: '1 ms to 7 days' }),
    tracking: (isService ? undefined : reader.oneOf('tracking', ['all', 'failures'])) ?? 'all',
    retentionMs: reader.duration('retention', {
      from: 0,
      to: 3650 * day,
      unless: 7 * day,
      words: '0 to 3650 days',
    }),
    maxPayloadBytes: reader.size('maxPayload', {
      from: 1,
      to: 67_108_864,
      unless: 1_048_576,
      words: '1 byte to 64 MB',
    }),
    ...(upgrade && { upgrade }),
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

function readQueue(name: string, reader: OptionReader | undefined): Pick<Definition, 'queue' | 'partitions'> {
  const dedicated = reader?.within('dedicated', '{ partitions: 12 }')
  if (!reader || !dedicated) return { queue: standardQueue, partitions: 6 }
  dedicated.onlyKnown(['partitions', 'stream'])
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
  return { queue: name, partitions: dedicated.wholeNumber('partitions', { from: 1, to: 4096, unless: 6 }) }
}

function readOnBroken(reader: OptionReader): 'continue' {
  if (reader.options['onBroken'] === 'block')
    reader.refuse(
      'onBroken',
      `blocking a key is not part of this release; leave "onBroken" out or write 'continue'`,
    )
  else reader.oneOf('onBroken', ['continue'])
  return 'continue'
}

function readRetry(reader: OptionReader): RetryPolicy {
  const unset = { maxAttempts: 3, initialDelayMs: 60_000, factor: 2, maxDelayMs: 3_600_000, jitter: 0.1 }
  const retry = reader.within('retry', `{ maxAttempts: 5, initialDelay: '30s' }`)
  if (!retry) return Object.freeze(unset)
  retry.onlyKnown(retryOptions)
  const range = { from: 0, to: 30 * day, words: '0 to 30 days' }
  const initialDelayMs = retry.duration('initialDelay', { ...range, unless: unset.initialDelayMs })
  const maxDelayMs = retry.duration('maxDelay', {
    ...range,
    unless: Math.max(unset.maxDelayMs, initialDelayMs),
  })
  if (maxDelayMs < initialDelayMs)
    retry.refuse(
      'maxDelay',
      `it is shorter than the first delay of ${initialDelayMs} ms; raise it, or lower retry.initialDelay`,
    )
  return Object.freeze({
    maxAttempts: retry.wholeNumber('maxAttempts', { from: 1, to: 1000, unless: unset.maxAttempts }),
    initialDelayMs,
    factor: retry.number('factor', { from: 1, to: 100, unless: unset.factor }),
    maxDelayMs,
    jitter: retry.number('jitter', { from: 0, to: 1, unless: unset.jitter }),
  })
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
  const http = reader.within('http', `{ path: '/hire' }`)
  http?.onlyKnown(['path'])
  return Object.freeze({
    execution,
    ...(queueWhen && { queueWhen }),
    respondAsync: reader.flag('respondAsync', true),
    path: (http && readPath(http)) ?? `/services/${application}/${name}`,
  })
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
