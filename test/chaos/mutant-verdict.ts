import type { Figure } from './figure.ts'

/** What a case says of a mutant. */
export interface MutantVerdict {
  /** The figures that caught it; none where it survived. */
  readonly missed: readonly string[]
  /** Why nothing can be said. */
  readonly problem?: string
}

/**
 * A mutant is caught by figures that the same case, seed and rate meet with the sources as they are: by what tells of no machine where
 * there is any, else by times. Too few faults, or too little done, is nothing that it was caught by.
 * @param control of the sources as they are
 */
export function judgeMutant(control: readonly Figure[], mutated: readonly Figure[]): MutantVerdict {
  const own = control.filter(({ ok }) => !ok)
  const untimed = own.filter(({ isTimed }) => !isTimed)
  if (untimed.length > 0)
    return { missed: [], problem: `VOID: the sources as they are miss ${told(untimed).join('; ')}` }
  const missed = mutated.filter(({ ok, bar, what }) => {
    const isOwn = own.some((figure) => figure.what === what)
    return !ok && !bar.startsWith('≥') && !isOwn
  })
  const certain = missed.filter(({ isTimed }) => !isTimed)
  return { missed: told(certain.length > 0 ? certain : missed) }
}

function told(figures: readonly Figure[]): string[] {
  return figures.map(({ what, value }) => `${what}: ${value}`)
}
