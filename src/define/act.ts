import type { ActKind } from '../base/act-kind.ts'
import type { ItemState } from './item.ts'

export type { ActKind } from '../base/act-kind.ts'

/** An act on an item, as it stands. Kept for 7 days after it was decided; the item's log keeps its line. */
export interface Act {
  readonly id: string
  readonly kind: ActKind
  /** The item that it is for. */
  readonly item: string
  /** `pending` until the node that owns the item's partition has decided. */
  readonly verdict: 'pending' | 'applied' | 'refused'
  /** In which state the item was met, once decided; `missing` where there was none any more. */
  readonly state?: ItemState | 'missing'
  readonly operator?: string
  readonly reason?: string
  readonly askedAt: Date
  readonly decidedAt?: Date
}
