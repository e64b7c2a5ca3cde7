import { CoatcheckError } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import { hasEnded, type Item } from '../define/item.ts'
import type { Road, Standing } from '../engine/face.ts'
import { isForCaller, mayRead, type Caller } from './caller.ts'
import { itemDocument, linksOf, retryAfter } from './item-document.ts'
import { checkMayReadResult, isHiddenFrom } from './item-secrecy.ts'
import { answerJson, type Answer, type HttpRequest } from './message.ts'
import { readWaitParameter } from './preference.ts'
import { answerEnded } from './service-answer.ts'
import type { RequestWaits } from './waits.ts'

/** What answers about items need. */
export interface ItemSurroundings {
  readonly road: Road
  readonly waits: RequestWaits
  /** Prefixes every link; empty or with a leading slash. */
  readonly basePath: string
  /** Who asks. */
  readonly caller: Caller
  /** Whether the caller would be let in again. */
  readonly isStillKnown: () => Promise<boolean>
}

/** `GET /queue-items/{id}`: how the item stands. */
export async function getItem(request: HttpRequest, id: string, door: ItemSurroundings): Promise<Answer> {
  const { item } = await standingOf(request, id, door, { waitMs: readWaitParameter(request) })
  return answerJson(statusOf(item, door), hasEnded(item) ? {} : { 'retry-after': retryAfter(item) })
}

/** How an item stands, as far as that is for who asks. */
export function statusOf(item: Item, { caller, road, basePath }: ItemSurroundings): object {
  return itemDocument(item, basePath, isHiddenFrom(caller, item, road.definitions))
}

/** `GET /queue-items/{id}/result`: what the service would have answered, once there is something. */
export async function getResult(request: HttpRequest, id: string, door: ItemSurroundings): Promise<Answer> {
  const { caller, road, basePath } = door
  const standing = await standingOf(request, id, door, {
    waitMs: readWaitParameter(request),
    check: (item) => checkMayReadResult(caller, item, road.definitions, basePath),
  })
  const answer = answerEnded(standing)
  if (!answer) return answerPending(standing.item, door, 'ready')
  const { item, onRetrieved } = standing
  // A HEAD hands nothing over.
  if (!onRetrieved || request.method !== 'GET' || !isForCaller(door.caller, item)) return answer
  if (answer.body !== null) return { ...answer, onSent: onRetrieved }
  await onRetrieved()
  return answer
}

/** 202: it is durable and has not ended. */
export function answerPending(
  item: Item | { readonly id: string },
  { basePath }: ItemSurroundings,
  stateUnlessKnown: Item['state'],
): Answer {
  const known = 'state' in item ? item : undefined
  const links = linksOf(item.id, basePath)
  return answerJson(
    { id: item.id, state: known?.state ?? stateUnlessKnown, links },
    { location: links.self, 'retry-after': retryAfter(known) },
    202,
  )
}

/**
 * How the item of a path stands, at the latest after `waitMs`.
 * @param wanted `check` refuses who may see the item, but not what was asked for: at once, and not after the wait
 */
export async function standingOf(
  request: HttpRequest,
  given: string,
  door: ItemSurroundings,
  wanted: { readonly waitMs?: number; readonly check?: (item: Item) => void } = {},
): Promise<Standing> {
  const { waitMs = 0, check } = wanted
  const id = given.toLowerCase()
  parseItemId(id)
  const standing = await door.waits.standing(id, 0, request)
  // to who may not see it, it is not there: the answer, and when it comes, says nothing else
  if (standing && mayRead(door.caller, standing.item)) {
    check?.(standing.item)
    if (waitMs === 0 || hasEnded(standing.item)) return standing
    return (await door.waits.standing(id, waitMs, request)) ?? standing
  }
  if (door.road.mayHaveExpired(id))
    throw new CoatcheckError(
      'ITEM_EXPIRED',
      `item ${id} is not kept any more: its retention is over, its result was retrieved, or it ended well where only failures are kept`,
    )
  throw new CoatcheckError('ITEM_NOT_FOUND', `there is no item ${id}`)
}
