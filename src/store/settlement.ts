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
  /** Columns of plainly inserted tracked items, as array literals (inputs and results: a line each), or null. */
  readonly tracked: readonly string[] | null
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
}

const settleArguments = `
  $1, $2::int[], $3::int[], $4::bigint[], $5::text[], $6::bigint[],
  $7::uuid[], $8::int[], $9::text[], $10::text[], $11::float8[], $12::float8[], $13::float8[], $14::text[], $15::text, $16::text,
  $17::json, $18::json, $19::json, $20::json, $21::json, $22::json, $23::json, $24::json`

const noTracked: readonly null[] = Array.from({ length: 10 }, () => null)

const settle = statement(
  'settle',
  (schema) => `
  select ${schema}.settle(${settleArguments}) as clock`,
)

// The append first: the fence is the last thing that a settle does.
const appendAndSettle = statement(
  'append-and-settle',
  (schema) => `
  select ${schema}.append($25::int[], $26::int[], $27::int[], $28::uuid[], $29::int[], $30::text[]) as appended,
    ${schema}.settle(${settleArguments}) as clock`,
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
    ...(settlement.tracked ?? noTracked),
    settlement.merged,
    settlement.logged,
    settlement.waitingIn,
    settlement.waitingChanged,
    settlement.waitingOut,
    settlement.brokenIn,
    settlement.holesIn,
    settlement.holesOut,
  ]
  if (settlement.appended === null) return { statement: settle(schema), values }
  return { statement: appendAndSettle(schema), values: [...values, ...settlement.appended] }
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
