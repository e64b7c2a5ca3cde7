import { isCoatcheckError } from '../base/errors.ts'
import { checkMayCancel, type Caller } from './caller.ts'
import { answerPending, standingOf, type ItemSurroundings } from './items.ts'
import { answerNothing, type Answer, type HttpRequest } from './message.ts'

/**
 * `DELETE /queue-items/{id}`: 204 where it never ran or was cancelled before, 202 where its running attempt was told to stop, or
 * nobody has decided yet.
 * @throws CoatcheckError `ACT_REFUSED` where it had ended, `FORBIDDEN` where the caller may only see it
 */
export async function cancelItem(request: HttpRequest, id: string, door: ItemSurroundings): Promise<Answer> {
  const { item } = await standingOf(request, id, door)
  checkMayCancel(door.caller, item)
  if (item.state === 'cancelled') return answerNothing()
  try {
    const { verdict, state } = await door.road.acts.ask('cancel', item.id, askingOf(door.caller))
    if (verdict === 'applied' && state !== 'running') return answerNothing()
    const now = await standingOf(request, id, door)
    return answerPending(now.item, door, item.state)
  } catch (error) {
    // Somebody else was faster, to the same end.
    if (isCoatcheckError(error, 'ACT_REFUSED')) {
      const now = await door.road.item(item.id)
      if (now?.state === 'cancelled') return answerNothing()
    }
    throw error
  }
}

/** Who cancelled stands in the item's log. */
function askingOf({ kind, name }: Caller) {
  return kind === 'local' ? {} : { operator: name }
}
