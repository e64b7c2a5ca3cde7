import { CoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import type { Act } from '../define/act.ts'
import type { ActDesk } from '../engine/act-desk.ts'
import {
  readAsking,
  readDate,
  readInput,
  type ActOptions,
  type DeferOptions,
  type EditOptions,
  type RequeueOptions,
} from '../operate/act-options.ts'
import { selectItems, type ItemSelector, type Selection } from '../operate/selection.ts'
import { listBlockedKeys, type BlockedKey, type BlockedKeysOptions } from './blocked-keys.ts'

/**
 * Acts on single items. The node that owns the item's partition decides; the call waits 2 s for its verdict, and else answers
 * with `verdict: 'pending'`: the act is durable, and `node.act(id)` tells its verdict later.
 *
 * All of them throw CoatcheckError `ACT_REFUSED` where the act makes no sense in the state of the item, `ITEM_NOT_FOUND`,
 * `ITEM_ID_INVALID`, `OPTION_INVALID`.
 */
export interface ItemActs {
  /**
   * Ends an item that has not ended: `cancelled`, with the reason `operator`. One that runs is told through `ctx.signal`, with the
   * error code `CANCEL_REQUESTED`: if its handler throws then, it is cancelled; if it returns all the same, it has succeeded.
   */
  cancel(id: string, options?: ActOptions): Promise<Act>
  /** Parks an item that is ready, scheduled or held. In a strict key those behind it wait for it. Again changes `until`. */
  defer(id: string, options?: DeferOptions): Promise<Act>
  /** A deferred item goes on, with its place in the order of its key. */
  resume(id: string, options?: ActOptions): Promise<Act>
  /**
   * Runs a broken item again: with the same id, its attempts from 0, as the last one of its key. One that blocks its key
   * (`onBroken: 'block'`) keeps its place: it runs before all that was held behind it.
   * @throws CoatcheckError `KEY_CHANGED`, `PAYLOAD_INVALID` and its kind
   */
  requeue(id: string, options?: RequeueOptions): Promise<Act>
  /**
   * Gives another input to an item that is scheduled, held, deferred or broken. It keeps its place; its log keeps the old input.
   * @throws CoatcheckError `KEY_CHANGED`, `PAYLOAD_INVALID` and its kind
   */
  edit(id: string, options: EditOptions): Promise<Act>
  /**
   * Gives a broken item up: it ends as `cancelled`, with the reason `operator`. One that has ended goes with its retention. Where
   * it blocks its key (`onBroken: 'block'`), that goes on.
   */
  remove(id: string, options?: ActOptions): Promise<Act>
  /**
   * Gives a broken item up that blocks its key, and lets the key go on: it ends as `cancelled`, with the reason `operator`. Refused
   * where the item blocks nothing.
   */
  skip(id: string, options?: ActOptions): Promise<Act>
  /** Lets a key go on that a broken item blocks. The item stays broken, for a later requeue. Refused where it blocks nothing. */
  release(id: string, options?: ActOptions): Promise<Act>
  /**
   * Which keys are blocked, by which items, and since when; in the order of the items' ids. It costs the same however many items
   * wait behind them.
   * @throws CoatcheckError `OPTION_INVALID`, `ITEM_ID_INVALID`, `UNKNOWN_PROCESSOR`
   * @example
   * for (const { key, item, since } of await node.blockedKeys({ processor: 'provision-account' })) …
   */
  blockedKeys(options?: BlockedKeysOptions): Promise<BlockedKey[]>
  /**
   * Makes a new item of one in any state, with the same input, upgraded, unless another is given, and `causationId` = the old id.
   * @returns the id of the new one
   * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `PAYLOAD_NO_LONGER_FITS`, `UNKNOWN_PROCESSOR`
   */
  clone(id: string, options?: RequeueOptions): Promise<QueueItemId>
  /** An act as it stands; undefined where there is none (any more). */
  act(id: string): Promise<Act | undefined>
  /**
   * Items by a filter, to count them and to act on all of them.
   * @throws CoatcheckError `OPTION_INVALID`, `ITEM_ID_INVALID`, `UNKNOWN_QUEUE`
   * @example
   * const broken = node.select({ processor: 'provision-account', state: 'broken', errorCode: 'CONNECTION_FAILED' })
   * if ((await broken.count()) < 1_000) await broken.redrive({ reason: 'the directory is back' })
   */
  select(selector: ItemSelector): Selection
}

/** Acts on items of a node. */
export function itemActs(desk: ActDesk): ItemActs {
  return {
    cancel: async (id, options = {}) => desk.ask('cancel', id, readAsking(options)),
    resume: async (id, options = {}) => desk.ask('resume', id, readAsking(options)),
    remove: async (id, options = {}) => desk.ask('remove', id, readAsking(options)),
    skip: async (id, options = {}) => desk.ask('skip', id, readAsking(options)),
    release: async (id, options = {}) => desk.ask('release', id, readAsking(options)),
    blockedKeys: async (options = {}) => listBlockedKeys(desk, options),
    defer: async (id, options = {}) => {
      const asking = readAsking(options, ['until'])
      const until = readDate(options.until, 'until')
      return desk.ask('defer', id, asking, until === undefined ? {} : { until })
    },
    requeue: async (id, options = {}) =>
      desk.ask('requeue', id, readAsking(options, ['input']), readInput(options)),
    edit: async (id, options) => {
      const asking = readAsking(options, ['input'])
      if (options.input === undefined)
        throw new CoatcheckError('OPTION_INVALID', 'edit takes the new input: edit(id, { input })')
      return desk.ask('edit', id, asking, readInput(options))
    },
    clone: async (id, options = {}) =>
      desk.clone(id, readAsking(options, ['input']), readInput(options).input),
    act: async (id) => desk.act(readActId(id)),
    select: (selector) => selectItems(desk, selector),
  }
}

function readActId(id: unknown): string {
  if (typeof id !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw new CoatcheckError(
      'OPTION_INVALID',
      `${showValue(id)} is not the id of an act; it is in what cancel and the others answer`,
    )
  return id.toLowerCase()
}
