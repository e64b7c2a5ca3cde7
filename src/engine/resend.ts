import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { DatabaseClock } from './database-clock.ts'

/** How late after the database's time read before the first send the same flush may still be inserted. */
const resendWindowMs = 60_000
/** How long a caller waits before it is told that the outcome is unknown. */
const patienceMs = 5_000

/**
 * Sends a flush until its fate is known. Where the answer to its commit was lost it is sent again as it was; the statement
 * leaves alone what is there, and refuses itself once it is so late that trim could have taken what it would meet.
 * @param send gets the time after which it must refuse itself, by the database's clock
 * @param againForMs how long it may be sent again, 5 s unless set
 * @throws CoatcheckError `OUTCOME_UNKNOWN` after 5 s without an answer; else what `send` throws
 */
export async function sendSurely(
  clock: DatabaseClock,
  send: (notAfter: number) => Promise<number>,
  againForMs = patienceMs,
): Promise<number> {
  const began = performance.now()
  let notAfter = (await clock.recent(30_000)) + resendWindowMs
  let ambiguous: unknown
  for (let attempt = 0; ; attempt++) {
    try {
      return await send(notAfter)
    } catch (error) {
      // The first send came too late: the database's clock has jumped since it was read, and nothing is in doubt.
      if (attempt === 0 && isTooLate(error)) {
        notAfter = (await clock.recent(0)) + resendWindowMs
        continue
      }
      if (isAmbiguous(error)) ambiguous ??= error
      else if (ambiguous === undefined) throw error
      else if (!isCoatcheckError(error, 'DATABASE_UNREACHABLE')) throw unknown(error)
      if (performance.now() - began >= againForMs) throw unknown(ambiguous)
      await wait(Math.min(50 * 2 ** attempt, 1000))
    }
  }
}

function isTooLate(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'CC002'
}

/** Whether a call failed so that its commit may have happened. */
export function isAmbiguous(error: unknown): boolean {
  return isCoatcheckError(error) && (error as CoatcheckError & { ambiguous?: boolean }).ambiguous === true
}

function unknown(cause: unknown): CoatcheckError {
  return new CoatcheckError(
    'OUTCOME_UNKNOWN',
    'the database did not say whether it took the item; it may be there. Enqueue again with a uniqueKey if it must not be there twice',
    { cause },
  )
}
