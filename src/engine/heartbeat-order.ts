/** What the heartbeat's thread is told. */
export interface HeartbeatOrder {
  readonly database: string
  readonly preparedStatements: boolean
  readonly schema: string
  readonly bootId: string
  readonly leaseMs: number
  /** How long after a good heartbeat was sent the node may act. */
  readonly safeMs: number
  readonly intervalMs: number
  /** `process.hrtime` in nanoseconds at which the shared times begin: a clock that all threads have in common. */
  readonly base: bigint
  readonly shared: SharedArrayBuffer
}

/**
 * The shared numbers: how often the main thread's loop has turned, when the last good heartbeat was sent (ms since `base`),
 * how often one came so late that the node had lost its lease meanwhile, and whether none was sent since the main thread's loop
 * stood still.
 */
export const heartbeatSlots = { mainCount: 0, lastGood: 1, lapses: 2, stuck: 3 } as const
export const heartbeatBytes = 16

/** Milliseconds from one time to a later one, of which the 32 bits that are shared have turned over after 25 days. */
export function ageOf(sentAt: number, now: number): number {
  return (Math.floor(now) - sentAt) | 0
}

/** Notes that a heartbeat which was sent at this time has come through. */
export function noteBeat(shared: Int32Array, sentAt: number, safeMs: number): void {
  // Before the time, so that whoever sees the new time sees this: what the node owned may be others' by now.
  if (ageOf(Atomics.load(shared, heartbeatSlots.lastGood), sentAt) >= safeMs)
    Atomics.add(shared, heartbeatSlots.lapses, 1)
  Atomics.store(shared, heartbeatSlots.lastGood, sentAt)
}
