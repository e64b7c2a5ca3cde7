import { setTimeout as delay } from 'node:timers/promises'
import { finalStates } from './check-states.ts'
import type { Figure } from './figure.ts'
import type { ConsoleCounts, Standing, StateWitness } from './state-witness.ts'

/** The lanes are counted every two seconds, what waits every second, and a lane within that every five. */
const settledAfterMs = 15_000

/** What the console tells, against what is there: a sentence for each number that differs. */
export function differences(
  told: ConsoleCounts,
  lanes: Pick<ConsoleCounts, 'inLane' | 'broken'>,
  byState: Standing['byState'],
): string[] {
  const open = Object.entries(byState).some(([state, count]) => !finalStates.has(state) && count > 0)
  return [
    ...(told.inLane === lanes.inLane ? [] : [`${told.inLane} in the lane, where ${lanes.inLane} are`]),
    ...(told.broken === lanes.broken ? [] : [`${told.broken} broken, where ${lanes.broken} are`]),
    // While some run it is a share of rows that are done in part.
    ...(open || told.waiting === lanes.inLane ? [] : [`${told.waiting} waiting, where ${lanes.inLane} are`]),
  ]
}

/** @param waitMs so long it may tell what was */
export async function consoleFigure(
  witness: StateWitness,
  byState: Standing['byState'],
  waitMs = settledAfterMs,
): Promise<Figure> {
  const until = performance.now() + waitMs
  for (;;) {
    const found = differences(await witness.consoleCounts(), await witness.lanes(), byState)
    if (found.length === 0 || performance.now() > until)
      return {
        what: "console's counters that differ from what is there",
        value: found.join('; ') || '0',
        bar: '0',
        ok: found.length === 0,
        isTimed: false,
      }
    await delay(1_000)
  }
}
