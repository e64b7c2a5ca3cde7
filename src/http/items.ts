import { CoatcheckError } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import type { Item } from '../define/item.ts'
import type { Road, Standing } from '../engine/face.ts'
import { isEnded, itemDocument, linksOf, retryAfter } from './item-document.ts'
import { readWaitParameter } from './preference.ts'
import { answerEnded } from './service-answer.ts'
import type { Waits } from './waits.ts'

/** What answers about items need. */
export interface ItemSurroundings {
  readonly road: Road
  readonly waits: Waits
  /** Prefixes every link; empty or with a leading slash. */
  readonly basePath: string
}

/** `GET /queue-items/{id}`: how the item stands. */
export async function getItem(request: Request, id: string, door: ItemSurroundings): Promise<Response> {
  const { item } = await standingOf(request, id, door)
  return Response.json(itemDocument(item, door.basePath), {
    headers: isEnded(item) ? {} : { 'retry-after': retryAfter(item) },
  })
}

/** `GET /queue-items/{id}/result`: what the service would have answered, once there is something. */
export async function getResult(request: Request, id: string, door: ItemSurroundings): Promise<Response> {
  const standing = await standingOf(request, id, door)
  return answerEnded(standing) ?? answerPending(standing.item, door, 'ready')
}

/** 202: it is durable and has not ended. */
export function answerPending(
  item: Item | { readonly id: string },
  { basePath }: ItemSurroundings,
  stateUnlessKnown: Item['state'],
): Response {
  const known = 'state' in item ? item : undefined
  const links = linksOf(item.id, basePath)
  return Response.json(
    { id: item.id, state: known?.state ?? stateUnlessKnown, links },
    { status: 202, headers: { location: links.self, 'retry-after': retryAfter(known) } },
  )
}

async function standingOf(request: Request, given: string, door: ItemSurroundings): Promise<Standing> {
  const id = given.toLowerCase()
  parseItemId(id)
  const standing = await door.waits.standing(id, readWaitParameter(request), request)
  if (standing) return standing
  if (door.road.mayHaveExpired(id))
    throw new CoatcheckError(
      'ITEM_EXPIRED',
      `item ${id} is not kept any more: its retention is over, or it ended well where only failures are kept`,
    )
  throw new CoatcheckError('ITEM_NOT_FOUND', `there is no item ${id}`)
}
