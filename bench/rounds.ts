import { loadavg } from 'node:os'
import type { Claim, Figure, Measure, Subject } from './claim.ts'
import { settleDown, type Server } from './server.ts'

/** What was measured of one figure, a value a round. */
export interface Measured {
  readonly claim: Claim
  readonly measure: Measure
  readonly figure: Figure
  readonly coatcheck: readonly number[]
  readonly peer: readonly number[]
}

const sides = ['coatcheck', 'peer'] as const

/** Measures everything, round by round; within a round both sides of a measure come one right after the other. */
export async function measureRounds(
  claims: readonly Claim[],
  rounds: number,
  server: Server,
): Promise<Measured[]> {
  const taken = new Map<Measure, Record<(typeof sides)[number], Readonly<Record<string, number>>[]>>()
  for (let round = 0; round < rounds; round++) {
    for (const measure of claims.flatMap((claim) => claim.measures)) {
      const figures = taken.get(measure) ?? { coatcheck: [], peer: [] }
      taken.set(measure, figures)
      // Whoever comes second meets another machine: take turns.
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const values = await measureOnce(measure[side], server)
        figures[side].push(values)
        const load = loadavg()[0]!.toFixed(1)
        console.error(
          `round ${round + 1}, load ${load}: ${measure.title}: ${side}: ${showValues(measure, values)}`,
        )
      }
    }
  }
  return claims.flatMap((claim) =>
    claim.measures.flatMap((measure) =>
      measure.figures.map((figure) => {
        const of = (side: (typeof sides)[number]) =>
          taken.get(measure)![side].map((values) => values[figure.name] ?? Number.NaN)
        return { claim, measure, figure, coatcheck: of('coatcheck'), peer: of('peer') }
      }),
    ),
  )
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How many times better our median is: more items, or fewer milliseconds. */
export function ratio({ figure, coatcheck, peer }: Measured): number {
  const [ours, theirs] = [median(coatcheck), median(peer)]
  return figure.unit === 'ms' ? theirs / ours : ours / theirs
}

async function measureOnce(subject: Subject, server: Server): Promise<Readonly<Record<string, number>>> {
  const url = await server.freshDatabase()
  try {
    await settleDown(url)
    return await subject.run(url)
  } finally {
    await server.dropDatabase(url)
  }
}

function showValues(measure: Measure, values: Readonly<Record<string, number>>): string {
  return measure.figures
    .map(({ name, unit }) => `${name} ${(values[name] ?? Number.NaN).toFixed(unit === 'ms' ? 2 : 0)} ${unit}`)
    .join(', ')
}
