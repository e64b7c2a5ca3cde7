/** Whether this node may act: its lease runs, counted from when its last good heartbeat was sent. */
export interface Lease {
  /** False from two thirds of the lease without a good heartbeat until all was dropped: nothing starts and nothing is settled. */
  readonly isSafe: boolean
}
