import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Receipt } from '../define/context.ts'
import type { OpenDatabase } from '../store/database.ts'
import { acceptDebounced, type DebounceFate, type DebounceRequest } from '../store/debounce.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Gathering } from './group-commit.ts'
import type { Prepared } from './prepare.ts'
import { sendSurely } from './resend.ts'

/** A serialization failure or a deadlock: nothing happened, and once more is likely to do. */
const retried = new Set(['40001', '40P01'])
const tries = 3

/** Items with debounce keys: they go into the lane, or into the place of those that wait there. */
export class DebounceBatch implements Gathering {
  readonly #items: DebounceRequest[] = []
  #fates: readonly DebounceFate[] = []
  size = 0

  get count(): number {
    return this.#items.length
  }

  /**
   * @param row as `put_waiting` takes it
   * @returns where to ask for its receipt once the batch was sent
   */
  put(
    { item: row, id }: { readonly item: string; readonly id: string },
    prepared: Prepared,
    debounce: NonNullable<Prepared['debounce']>,
  ): number {
    this.size += row.length
    const { key, waitMs, maxWaitMs } = debounce
    return (
      this.#items.push({
        id,
        key: prepared.key,
        entry: prepared.text,
        debounce_scope: prepared.definition.id,
        debounce_key: key,
        wait_ms: waitMs,
        ...(maxWaitMs === undefined ? {} : { max_wait_ms: maxWaitMs }),
        row: JSON.parse(row) as unknown,
      }) - 1
    )
  }

  async send({ driver, schema }: OpenDatabase, clock: DatabaseClock, waitedMs: number): Promise<void> {
    const accept = async (_: number, timeoutMs: number): Promise<number> => {
      for (let attempt = 1; ; attempt++) {
        try {
          this.#fates = await acceptDebounced(driver, schema, this.#items, timeoutMs)
          return clock.now()
        } catch (error) {
          const code = String((error as { code?: unknown } | undefined)?.code)
          if (attempt === tries || !retried.has(code)) throw error
        }
      }
    }
    // Not sent again where the answer was lost: it might take the place of what came after it, or of what has run by then.
    await sendSurely(clock, accept, { size: this.size, again: false, waitedMs })
  }

  /** @throws CoatcheckError `KEY_INVALID` where the item that waits has another partition key */
  receiptAt(at: number): Receipt {
    const [id, outcome] = this.#fates[at] as DebounceFate
    if (outcome !== 'clash') return { id, outcome }
    const { debounce_key: key, debounce_scope: scope } = this.#items[at] as DebounceRequest
    throw new CoatcheckError(
      'KEY_INVALID',
      `under the debounce key ${showValue(key)} of ${scope} waits item ${id}, which has another partition key; items that are debounced together need the same one`,
    )
  }
}
