import type { Tx } from '../../src/base/tx.ts'

/** A library, connected. */
export interface TxSubject {
  /** One transaction of the library: commits when `work` returns. `raw` is the library's own object. */
  transaction(work: (tx: Tx, raw: unknown) => Promise<void>): Promise<void>
  close(): Promise<void>
}
