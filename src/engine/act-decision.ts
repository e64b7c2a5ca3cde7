import type { ActKind } from '../base/act-kind.ts'
import { itemStates, type ItemState } from '../define/item.ts'

/**
 * How an item stands for whoever decides an act: its state, `unsettled` where that is about to change (its attempt has ended and
 * is not settled, or it is on its way from one place to another), or `missing`.
 */
export type ActStanding = ItemState | 'unsettled' | 'missing'

/** `tell` the running attempt to stop, and decide when it has ended; `wait` and look again. */
export type ActDecision = 'apply' | 'refuse' | 'tell' | 'wait'

/** Acts that the owner of the item's partition decides. A clone changes nothing of the item that it is made of. */
export type DecidedKind = Exclude<ActKind, 'clone'>

/** What an open act asks of the owner; clones are never open. */
export function kindOf(act: { readonly kind: ActKind }): DecidedKind {
  return act.kind as DecidedKind
}

const applies: Readonly<Record<DecidedKind, readonly ActStanding[]>> = {
  cancel: ['ready', 'scheduled', 'held', 'deferred'],
  defer: ['ready', 'scheduled', 'held', 'deferred'],
  resume: ['deferred'],
  requeue: ['broken'],
  edit: ['scheduled', 'held', 'deferred', 'broken'],
  remove: ['broken'],
  skip: ['broken'],
  release: ['broken'],
}

export const decidedKinds = Object.keys(applies) as readonly DecidedKind[]

/** The states in which an act makes sense: to `tell` is to apply it later. */
export function statesFor(kind: ActKind): readonly ItemState[] {
  if (kind === 'clone') return itemStates
  return itemStates.filter((state) => ['apply', 'tell'].includes(decideAct(kind, state, true)))
}

/**
 * What becomes of an act on an item that stands like this.
 * @param blocks whether it is broken and blocks its key: nothing else can be skipped or released
 */
export function decideAct(kind: DecidedKind, standing: ActStanding, blocks: boolean): ActDecision {
  if (standing === 'unsettled') return 'wait'
  if ((kind === 'skip' || kind === 'release') && !blocks) return 'refuse'
  if (applies[kind].includes(standing)) return 'apply'
  return kind === 'cancel' && standing === 'running' ? 'tell' : 'refuse'
}

/** Whether the refusal holds for good, however late the state was read: nothing but another act changes such a state. */
export function isFinalRefusal(kind: DecidedKind, state: ItemState): boolean {
  const isFinal = state === 'succeeded' || state === 'cancelled' || state === 'broken'
  return isFinal && decideAct(kind, state, state === 'broken') === 'refuse'
}

/** The end of the sentence about a refused act: what could be done instead. */
export function insteadOf(kind: DecidedKind, standing: ActStanding): string {
  switch (standing) {
    case 'succeeded':
      return 'it has ended; clone it to run its input again as a new item'
    case 'cancelled':
      return 'it has ended; clone it to run its input as a new item'
    case 'broken':
      return kind === 'skip' || kind === 'release'
        ? 'it blocks no key; requeue it to run it again, or remove it to give it up'
        : 'requeue it to run it again, edit it, clone it, or remove it to give it up'
    case 'running':
      return 'cancel it, which tells its handler to stop, or wait until its attempt has ended'
    case 'missing':
      return 'it was never accepted, its retention is over, or its queue keeps only what failed'
    case 'ready':
      return kind === 'edit' ? 'defer it first, then edit it' : 'it can be cancelled or deferred'
    case 'deferred':
      return 'it can be resumed, edited or cancelled'
    default:
      return 'it can be cancelled, deferred or edited'
  }
}
