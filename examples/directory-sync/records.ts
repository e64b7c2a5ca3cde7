import { iso31662 as newList } from 'iso-3166-new'
import { iso31662 as oldList } from 'iso-3166-old'

/** A state, province or municipality of ISO 3166-2. The list is the directory that is to be mirrored. */
export interface Subdivision {
  readonly code: string
  readonly name: string
  readonly parent: string
}

export const oldRelease = '4.0.1'
export const newRelease = '4.4.0'
export type Release = typeof oldRelease | typeof newRelease

/** Says that a record is to be looked at: no more than its key and in which release. */
export interface RecordEvent {
  readonly code: string
  readonly release: Release
}

const lists: Readonly<Record<Release, ReadonlyMap<string, Subdivision>>> = {
  [oldRelease]: new Map(oldList.map((record) => [record.code, record])),
  [newRelease]: new Map(newList.map((record) => [record.code, record])),
}

/** A record as a release has it; undefined where it is not (or no longer) there. */
export function readRecord({ code, release }: RecordEvent): Subdivision | undefined {
  return lists[release].get(code)
}

export interface Plan {
  /** One for each record of the old release. */
  readonly records: readonly RecordEvent[]
  /** One for each of these that the new release changed, took out or added. */
  readonly changes: readonly RecordEvent[]
}

/**
 * What there is to tell the partner: every record, then what became of it.
 * @param limit how many records, from the first; undefined for all, and only then what is new in the new release
 */
export function planEvents(limit: number | undefined): Plan {
  const codes = [...lists[oldRelease].keys()].slice(0, limit)
  const added =
    limit === undefined ? [...lists[newRelease].keys()].filter((code) => !lists[oldRelease].has(code)) : []
  return {
    records: codes.map((code) => ({ code, release: oldRelease })),
    changes: [...codes.filter(isChanged), ...added].map((code) => ({ code, release: newRelease })),
  }
}

function isChanged(code: string): boolean {
  const before = lists[oldRelease].get(code)
  const after = lists[newRelease].get(code)
  return before?.name !== after?.name || before?.parent !== after?.parent
}
