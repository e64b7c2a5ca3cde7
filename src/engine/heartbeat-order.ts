/** What the heartbeat's thread is told. */
export interface HeartbeatOrder {
  readonly database: string
  readonly preparedStatements: boolean
  readonly schema: string
  readonly bootId: string
  readonly leaseMs: number
  readonly intervalMs: number
  /** `process.hrtime` in nanoseconds at which the shared times begin: a clock that all threads have in common. */
  readonly base: bigint
  readonly shared: SharedArrayBuffer
}

/** The shared numbers: how often the main thread's loop has turned, and when the last good heartbeat was sent (ms since `base`). */
export const heartbeatSlots = { mainCount: 0, lastGood: 1 } as const
