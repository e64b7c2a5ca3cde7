import { setTimeout as wait } from 'node:timers/promises'
import { toMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { ActDesk } from '../engine/act-desk.ts'
import { readAsking, type ActOptions } from './act-options.ts'
import { readLimit } from './selection-limit.ts'
import type { BulkProgress, Chosen } from './selection.ts'

export interface RedriveOptions extends ActOptions {
  /** How many items at most; 10,000 unless set, at most 1,000,000. */
  readonly limit?: number
  /** Items of the first wave, 1 to 1,000; 10 unless set. */
  readonly firstWave?: number
  /** How long a wave may take to end before the redrive stops; 10 minutes unless set. Items that wait for a next attempt have not ended. */
  readonly waveTimeout?: Duration
  /** Stops it between two waves, and while it waits for verdicts or for the end of one. */
  readonly signal?: AbortSignal
  /** Told after each wave how far it is. */
  readonly onProgress?: (progress: BulkProgress) => void
}

export interface RedriveReport {
  /** Items of each wave. */
  readonly waves: readonly number[]
  readonly requeued: number
  /** Of the requeued: those that did not end as broken again, as far as was seen. */
  readonly succeeded: number
  readonly brokenAgain: number
  /** Asked for, without a verdict when it stopped: whoever owns the items' partitions requeues them later. */
  readonly pending: number
  /** `done`: none is left; `failing`: more than half of a wave broke again; `slow`: a wave was not requeued, or did not end, in time. */
  readonly stopped: 'done' | 'failing' | 'slow' | 'limit' | 'aborted'
}

const maxWave = 1_000
const pollMs = 100

/** Requeues broken items in waves that double while they succeed, and stops when most of one break again. */
export async function redriveItems(
  desk: ActDesk,
  given: Chosen,
  options: RedriveOptions,
): Promise<RedriveReport> {
  const asking = readAsking(options, ['limit', 'firstWave', 'waveTimeout', 'signal', 'onProgress'])
  const limit = readLimit(options.limit)
  const timeoutMs = toMs(options.waveTimeout ?? '10 minutes', 'waveTimeout')
  let size = readWave(options.firstWave)
  const filter = await desk.asOfNow({ ...given.filter, states: ['broken'] })
  const waves: number[] = []
  let [items, requeued, succeeded, brokenAgain, pending] = [0, 0, 0, 0, 0]
  let after: string | undefined
  const report = (stopped: RedriveReport['stopped']): RedriveReport => ({
    waves,
    requeued,
    succeeded,
    brokenAgain,
    pending,
    stopped,
  })
  for (;;) {
    if (options.signal?.aborted) return report('aborted')
    if (requeued >= limit) return report('limit')
    const most = Math.min(size, limit - requeued)
    const { ids, isCut } = await desk.matching(filter, after, most, given.keep, options.signal)
    if (isCut) return report('aborted')
    if (ids.length === 0) return report('done')
    after = ids.at(-1)
    const until = performance.now() + timeoutMs
    const acts = await desk.askMany('requeue', ids, asking, {}, timeoutMs, options.signal)
    const mine = acts.filter(({ verdict }) => verdict === 'applied').map(({ item }) => item)
    requeued += mine.length
    waves.push(mine.length)
    pending += acts.filter(({ verdict }) => verdict === null).length
    items += ids.length
    options.onProgress?.({ items, applied: requeued, refused: items - requeued - pending, pending })
    const wave = await untilEnded(desk, mine, until, options.signal)
    brokenAgain += wave.broken
    succeeded += wave.succeeded
    if (wave.broken * 2 > mine.length) return report('failing')
    // Nobody knows what becomes of those: another wave on top of them would be no ramp.
    if (wave.open > 0 || pending > 0) return report(options.signal?.aborted ? 'aborted' : 'slow')
    // All refused says nothing of how they would have gone.
    if (mine.length > 0) size = Math.min(size * 2, maxWave)
  }
}

async function untilEnded(
  desk: ActDesk,
  ids: readonly string[],
  until: number,
  signal: AbortSignal | undefined,
): Promise<{ broken: number; succeeded: number; open: number }> {
  for (;;) {
    const states = await desk.states(ids)
    const broken = states.filter((state) => state === 'broken').length
    // Requeued items are tracked whatever their queue keeps, so that each is found.
    const ended = states.filter(
      (state) => state === 'succeeded' || state === 'cancelled' || state === null,
    ).length
    const open = ids.length - broken - ended
    // More than half have broken again: the others need not be waited for.
    const isOver = open === 0 || broken * 2 > ids.length || performance.now() >= until || signal?.aborted
    if (isOver) return { broken, succeeded: ended, open }
    await wait(pollMs, undefined, signal ? { signal } : {}).catch(() => {})
  }
}

function readWave(size: unknown): number {
  if (size === undefined) return 10
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || size > maxWave)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `firstWave is ${showValue(size)}; it must be a whole number from 1 to ${maxWave}`,
    )
  return size
}
