import type { Runner, Statement } from './driver.ts'
import { statement } from './statement.ts'

/** The progress of one partition, fenced by its owner's epoch. */
export interface Fence {
  readonly queue: number
  readonly partition: number
  readonly epoch: number
  /** A multirange of the positions that are done with this settle, `{}` for none. */
  readonly done: string
  readonly indexedTo: number
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

const settleCall = (schema: string): string => `${schema}.settle(
    $1, $2::int[], $3::int[], $4::bigint[], $5::text[], $6::bigint[],
    $7::json, $8::json, $9::json, $10::json, $11::json, $12::json, $13::json, $14::json) as clock`

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

function callOf(name: string, types: readonly string[], from: number): string {
  return `${name}(${types.map((type, at) => `$${from + at}::${type}`).join(', ')})`
}

// One statement for each number of definitions, so that each is prepared once. The settle last: it ends with the fence.
const settles = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
].map(([appends, acts]) =>
  Array.from({ length: maxTrackedGroups + 1 }, (_, groups) =>
    statement(`settle-${groups}${appends ? '-append' : ''}${acts ? '-acts' : ''}`, (schema) => {
      const calls: string[] = []
      let from = 15
      for (let group = 0; group < groups; group++) {
        calls.push(callOf(`${schema}.track`, trackTypes, from))
        from += trackTypes.length
      }
      if (appends) {
        calls.push(callOf(`${schema}.append`, appendTypes, from))
        from += appendTypes.length
      }
      if (acts) calls.push(callOf(`${schema}.decide_acts`, actTypes, from))
      const named = calls.map((call, at) => `${call} as call_${at}`)
      return `
  select ${[...named, settleCall(schema)].join(',\n    ')}`
    }),
  ),
)

/** The settle as one statement, for the end of a transaction or as a transaction of its own. */
export function settleStatement(
  schema: string,
  bootId: string,
  settlement: Settlement,
): { statement: Statement; values: unknown[] } {
  const { fences } = settlement
  const values: unknown[] = [
    bootId,
    fences.map((fence) => fence.queue),
    fences.map((fence) => fence.partition),
    fences.map((fence) => fence.epoch),
    fences.map((fence) => fence.done),
    fences.map((fence) => fence.indexedTo),
    settlement.merged,
    settlement.logged,
    settlement.waitingIn,
    settlement.waitingChanged,
    settlement.waitingOut,
    settlement.brokenIn,
    settlement.holesIn,
    settlement.holesOut,
  ]
  for (const group of settlement.tracked) values.push(...group)
  if (settlement.appended !== null) values.push(...settlement.appended)
  if (settlement.acts !== null) values.push(...settlement.acts)
  const kind = (settlement.appended === null ? 0 : 1) + (settlement.acts === null ? 0 : 2)
  const made = settles[kind]?.[settlement.tracked.length]
  if (!made)
    throw new RangeError(`a settle takes ${maxTrackedGroups} definitions, not ${settlement.tracked.length}`)
  return { statement: made(schema), values }
}

/** Settles in a transaction of its own: one round trip. */
export async function runSettlement(
  runner: Runner,
  schema: string,
  bootId: string,
  settlement: Settlement,
): Promise<void> {
  const { statement: text, values } = settleStatement(schema, bootId, settlement)
  await runner.run(text, values)
}
