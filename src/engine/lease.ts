/** Whether this node may act: its lease runs, counted from when its last good heartbeat was sent. */
export interface Lease {
  /** False after two thirds of the lease without a good heartbeat: nothing starts and nothing is settled. */
  readonly isSafe: boolean
}
