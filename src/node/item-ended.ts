import { CoatcheckError } from '../base/errors.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { Item } from '../define/item.ts'

/** An item ended without a result. */
export class ItemEndedError extends CoatcheckError {
  override readonly name = 'ItemEndedError'
  readonly item: Item
  /** Why it is broken; undefined where it was cancelled. */
  readonly failure: FailureRecord | undefined

  constructor(code: 'ITEM_BROKEN' | 'ITEM_CANCELLED', item: Item, failure: FailureRecord | undefined) {
    super(
      code,
      code === 'ITEM_BROKEN'
        ? `item ${item.id} is broken after ${item.attempts} ${item.attempts === 1 ? 'attempt' : 'attempts'}: ${failure?.code}: ${failure?.message}`
        : `item ${item.id} was cancelled (${item.reason ?? 'operator'})`,
    )
    this.item = item
    this.failure = failure
  }
}
