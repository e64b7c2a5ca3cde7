import {
  defaultRetentionMs,
  untilRemovedMs,
  type QueueChoice,
  type Retention,
  type RetryPolicy,
} from './definition.ts'
import {
  keepOptions,
  requestProcessorHints,
  requestProcessorOptions,
  requestQueueOptions,
} from './option-names.ts'
import type { OptionReader } from './option-reader.ts'
import { readRetry } from './retry-options.ts'

/** The queue that is there for everyone. */
export const standardQueue = 'standard'
/** The request processor of services that name none. */
export const standardRequestProcessor = 'standard'

const day = 86_400_000
/** What is not to be kept is there for who waits for it, and for who lost the answer. */
const briefMs = 900_000

/** A request processor with its defaults in place. */
export interface RequestProcessorSettings {
  readonly name: string
  /** Asked in order, before `last` takes a request. */
  readonly choices: readonly QueueChoice[]
  readonly last: Omit<QueueChoice, 'when'>
  readonly retry: RetryPolicy
  readonly retention: Retention
  /** Whether it says how long what failed is kept. */
  readonly limitsFailure: boolean
}

/** Reads the options of a request processor, fills in the defaults and reports every problem. */
export function readRequestProcessor(name: string, reader: OptionReader): RequestProcessorSettings {
  reader.onlyKnown(requestProcessorOptions, requestProcessorHints)
  reader.name('name')
  const rows = readQueues(reader)
  const choices = rows.slice(0, -1).filter(isChoice)
  return {
    name,
    choices: Object.freeze(choices),
    last: rows.at(-1) ?? { queue: standardQueue, partitions: 6 },
    retry: readRetry(reader),
    ...readKeep(reader),
  }
}

type QueueRow = Omit<QueueChoice, 'when'> & { readonly when: QueueChoice['when'] | undefined }

function isChoice(row: QueueRow): row is QueueChoice {
  return row.when !== undefined
}

function readQueues(reader: OptionReader): QueueRow[] {
  const rows = reader.list('queues', `{ queue: 'urgent', when: (request) => … }`)
  return rows.flatMap((row, at) => (row ? [readRow(row, at === rows.length - 1)] : []))
}

function readRow(row: OptionReader, isLast: boolean): QueueRow {
  row.onlyKnown(requestQueueOptions)
  const queue = row.name('queue') ?? standardQueue
  const when = row.fn<QueueChoice['when']>('when', '(request) => request.input.urgent')
  if (isLast && when)
    row.refuse(
      'when',
      `the last queue takes what no other did; leave it out, or add { queue: 'standard' } after it`,
    )
  if (!isLast && row.options['when'] === undefined)
    row.refuse('when', 'nothing would come to the queues after this one; give a function, or put it last')
  if (queue === standardQueue)
    for (const name of ['partitions', 'maxWaiting'])
      if (row.isSet(name))
        row.refuse(name, `the queue "${standardQueue}" is everyone's; leave it out, or name another queue`)
  if (queue === standardQueue) return { queue, partitions: 6, when: isLast ? undefined : when }
  const partitions = row.wholeNumber('partitions', { from: 1, to: 4096, unless: 6 })
  return {
    queue,
    partitions,
    ...(row.isSet('partitions') && { partitionsAsked: partitions }),
    ...(row.isSet('maxWaiting') && {
      maxWaiting: row.wholeNumber('maxWaiting', { from: 1, to: 1_000_000_000_000, unless: 10_000_000 }),
    }),
    when: isLast ? undefined : when,
  }
}

function readKeep(reader: OptionReader): Pick<RequestProcessorSettings, 'retention' | 'limitsFailure'> {
  const keep = reader.within('keep', `{ afterSuccess: '7 days', afterFailure: '30 days' }`)
  keep?.onlyKnown(keepOptions)
  const failedMs = keep?.isSet('afterFailure') ? readKept(keep, 'afterFailure') : undefined
  const untilRetrieved = keep?.flag('untilRetrieved', false) ?? false
  if (keep && untilRetrieved && keep.options['afterSuccess'] === false)
    keep.refuse(
      'untilRetrieved',
      'with afterSuccess: false there is nothing that could be kept; say how long, or leave it out',
    )
  return {
    retention: Object.freeze({
      succeededMs: keep?.isSet('afterSuccess') ? readKept(keep, 'afterSuccess') : defaultRetentionMs,
      cancelledMs: failedMs ?? defaultRetentionMs,
      brokenMs: failedMs ?? untilRemovedMs,
      untilRetrieved,
    }),
    limitsFailure: failedMs !== undefined,
  }
}

function readKept(keep: OptionReader, name: string): number {
  if (keep.options[name] === false) return briefMs
  return keep.duration(name, {
    from: briefMs,
    to: 3650 * day,
    unless: defaultRetentionMs,
    words: '15 minutes to 3650 days, or false where it is not to be kept',
  })
}

/** Which queues several have, each with its own idea of them. */
export interface QueueClaim {
  readonly queue: string
  readonly partitions: number
  readonly maxWaiting?: number
  /** `request processor "hiring"` */
  readonly by: string
}

/** A queue is made once: all that name it have to say the same of it. */
export function checkClaims(claims: readonly QueueClaim[], report: (problem: string) => void): void {
  for (const [queue, same] of Map.groupBy(claims, (claim) => claim.queue)) {
    for (const name of ['partitions', 'maxWaiting'] as const) {
      const [first, ...others] = same.filter((claim) => claim[name] !== undefined)
      const stray = others.find((other) => other[name] !== first?.[name])
      if (first && stray)
        report(
          `Queue "${queue}" has ${name} ${first[name]} by ${first.by} and ${stray[name]} by ${stray.by}; write the same number`,
        )
    }
  }
}
