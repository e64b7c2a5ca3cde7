import type { Row, Runner, Statement } from './driver.ts'
import { statement } from './statement.ts'

/** The progress of one partition, fenced by its owner's epoch. */
export interface Fence {
  readonly queue: number
  readonly partition: number
  readonly epoch: number
  /** A multirange of the positions that are done with this settle, `{}` for none. */
  readonly done: string
  readonly indexedTo: number
  /** Where the partition's row was after the last settle; undefined where that is not known. */
  readonly place: string | undefined
}

/**
 * Everything that one settle writes. Lists are JSON arrays as text, or null where there is nothing; the columns are those
 * that the SQL function `settle` reads.
 */
export interface Settlement {
  /** Sorted by queue and partition. */
  readonly fences: readonly Fence[]
  /** Plainly inserted tracked items: the arguments of `track` for each definition, at most {@link maxTrackedGroups}. */
  readonly tracked: readonly (readonly unknown[])[]
  readonly merged: string | null
  readonly logged: string | null
  readonly waitingIn: string | null
  readonly waitingChanged: string | null
  readonly waitingOut: string | null
  readonly brokenIn: string | null
  readonly holesIn: string | null
  readonly holesOut: string | null
  /** The arguments of `append` for what handlers enqueued, or null. */
  readonly appended: readonly unknown[] | null
  /** The arguments of `decide_acts`, or null. */
  readonly acts: readonly (string | null)[] | null
}

/** Definitions whose items one settle inserts plainly. */
export const maxTrackedGroups = 8

const fenceTypes = ['int[]', 'int[]', 'bigint[]', 'text[]', 'bigint[]', 'tid[]']
const listTypes = Array.from({ length: 8 }, () => 'json')
const trackTypes = [
  'int',
  'text',
  'float8',
  'uuid[]',
  'float8[]',
  'float8[]',
  'text[]',
  'text[]',
  'text',
  'text',
]
const appendTypes = ['int[]', 'int[]', 'int[]', 'uuid[]', 'int[]', 'text[]']
const actTypes = ['json', 'json', 'json', 'json']

interface Kind {
  /** Whether any of the lists that `settle` reads is there. */
  readonly lists: boolean
  readonly appends: boolean
  readonly acts: boolean
}

/** The calls of a settle, in the order in which they run and take their arguments. The fence last: it ends with it. */
function callsOf(schema: string, groups: number, { lists, appends, acts }: Kind): string {
  let from = 2
  const call = (name: string, types: readonly string[], before = '') => {
    const values = types.map((type) => `$${from++}::${type}`)
    return `${schema}.${name}(${before}${values.join(', ')})`
  }
  const calls = Array.from({ length: groups }, () => call('track', trackTypes))
  if (appends) calls.push(call('append', appendTypes))
  if (acts) calls.push(call('decide_acts', actTypes))
  if (lists) calls.push(call('settle', listTypes, "$1::uuid, '{}', '{}', '{}', '{}', '{}', "))
  const last = call('advance_partitions', fenceTypes, '$1::uuid, ')
  return [...calls.map((text, at) => `${text} as call_${at}`), `${last} as advanced`].join(',\n    ')
}

const yesAndNo = [true, false]
const kinds: readonly Kind[] = yesAndNo.flatMap((lists) =>
  yesAndNo.flatMap((appends) => yesAndNo.map((acts) => ({ lists, appends, acts }))),
)
// One statement for each kind and number of definitions, so that each is prepared once.
const settles = kinds.map((kind) => ({
  ...kind,
  byGroups: Array.from({ length: maxTrackedGroups + 1 }, (_, groups) => {
    const name = `settle-${groups}${kind.lists ? '-lists' : ''}${kind.appends ? '-append' : ''}${kind.acts ? '-acts' : ''}`
    return statement(name, (schema) => `\n  select ${callsOf(schema, groups, kind)}`)
  }),
}))

/** The settle as one statement, for the end of a transaction or as a transaction of its own. */
export function settleStatement(
  schema: string,
  bootId: string,
  settlement: Settlement,
): { statement: Statement; values: unknown[] } {
  const { fences, tracked, appended, acts } = settlement
  const lists = [
    settlement.merged,
    settlement.logged,
    settlement.waitingIn,
    settlement.waitingChanged,
    settlement.waitingOut,
    settlement.brokenIn,
    settlement.holesIn,
    settlement.holesOut,
  ]
  const hasLists = lists.some((list) => list !== null)
  const values = [
    bootId,
    ...tracked.flat(),
    ...(appended ?? []),
    ...(acts ?? []),
    ...(hasLists ? lists : []),
    fences.map((fence) => fence.queue),
    fences.map((fence) => fence.partition),
    fences.map((fence) => fence.epoch),
    fences.map((fence) => fence.done),
    fences.map((fence) => fence.indexedTo),
    fences.map((fence) => fence.place),
  ]
  const kind = settles.find(
    (one) => one.lists === hasLists && one.appends === (appended !== null) && one.acts === (acts !== null),
  )
  const made = kind?.byGroups[tracked.length]
  if (!made) throw new RangeError(`a settle takes ${maxTrackedGroups} definitions, not ${tracked.length}`)
  return { statement: made(schema), values }
}

/** Reads what `advance_partitions` answers: the places of the rows, in the order of the fences. */
export function placesOf(rows: readonly Row[]): readonly string[] {
  const [, ...places] = String(rows[0]?.['advanced']).split(' ')
  return places
}

/** Settles in a transaction of its own: one round trip. @returns the places of the partitions' rows, in the order of the fences */
export async function runSettlement(
  runner: Runner,
  schema: string,
  bootId: string,
  settlement: Settlement,
): Promise<readonly string[]> {
  const { statement: text, values } = settleStatement(schema, bootId, settlement)
  return placesOf(await runner.run(text, values))
}
