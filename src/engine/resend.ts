import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { isAmbiguous } from '../store/driver.ts'
import { isPartitionsChanged } from '../store/partitions-changed.ts'
import type { DatabaseClock } from './database-clock.ts'

/** How late after the database's time read before the first send the same flush may still be inserted. */
const resendWindowMs = 60_000
/** How long a caller waits before it is told that the outcome is unknown, from when it asked. */
const patienceMs = 4_500
/** What is left of it at least: those before may have been slow, which is not to be dead. */
const leastMs = 2_000
/** Deadline of one send, so that there is time for another over a connection that is not half dead. */
const sendMs = 3_000
/** More than this may take longer: up to the deadline that calls of the database have anyway. */
const largeSize = 4_000_000
const largeMs = 6_000

export interface SendOptions {
  /** Characters that are sent: a large flush is given more time, 6 s. */
  readonly size?: number
  /** Whether it may be sent again; unless it may, its outcome is unknown at once where the answer was lost. */
  readonly again?: boolean
  /** How long the first of those who wait for it has waited already; 0 unless set. */
  readonly waitedMs?: number
}

/**
 * Sends a flush until its fate is known, and waits for a connection as long as its callers can. Where the answer to its commit was
 * lost it is sent again as it was; the statement leaves alone what is there, and refuses itself once it is so late that trim could
 * have taken what it would meet.
 * @param send gets the time after which it must refuse itself, by the database's clock, its deadline in milliseconds, and
 * whether it was sent before
 * @throws CoatcheckError `OUTCOME_UNKNOWN` after 4.5 s without an answer, what was waited before included; else what `send` throws
 */
export async function sendSurely(
  clock: DatabaseClock,
  send: (notAfter: number, timeoutMs: number, again: boolean) => Promise<number>,
  { size = 0, again = true, waitedMs = 0 }: SendOptions = {},
): Promise<number> {
  const began = performance.now()
  const isLarge = size > largeSize
  const patience = Math.max(leastMs, (isLarge ? largeMs : patienceMs) - waitedMs)
  let notAfter = (await clock.recent(30_000)) + resendWindowMs
  let ambiguous: unknown
  for (let attempt = 0; ; attempt++) {
    try {
      const timeoutMs = Math.min(isLarge ? largeMs : sendMs, patience - (performance.now() - began))
      return await send(notAfter, Math.max(250, timeoutMs), ambiguous !== undefined)
    } catch (error) {
      // Whatever became of those before, nothing of them is there, and nothing will be.
      if (isPartitionsChanged(error)) throw error
      // The first send came too late: the database's clock has jumped since it was read, and nothing is in doubt.
      if (attempt === 0 && isTooLate(error)) {
        notAfter = (await clock.recent(0)) + resendWindowMs
        continue
      }
      const leftMs = patience - (performance.now() - began)
      if (isAmbiguous(error)) ambiguous ??= error
      else if (ambiguous === undefined) {
        // No connection in time: nothing was sent, and there may be one by now.
        if (leftMs <= 0 || !isCoatcheckError(error, 'DATABASE_TIMEOUT')) throw error
      } else if (!isAway(error)) throw outcomeUnknown(error)
      if (ambiguous !== undefined && (!again || leftMs <= 0)) throw outcomeUnknown(ambiguous)
      await wait(Math.min(50 * 2 ** attempt, 1000, leftMs))
    }
  }
}

function isAway(error: unknown): boolean {
  return isCoatcheckError(error, 'DATABASE_UNREACHABLE') || isCoatcheckError(error, 'DATABASE_TIMEOUT')
}

function isTooLate(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'CC002'
}

export function outcomeUnknown(cause: unknown): CoatcheckError {
  return new CoatcheckError(
    'OUTCOME_UNKNOWN',
    'the database did not say whether it took the item; it may be there. Enqueue again with a uniqueKey if it must not be there twice',
    { cause, retryAfterMs: 1_000 },
  )
}
