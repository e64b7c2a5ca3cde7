import type { ActKind } from '../base/act-kind.ts'
import { isItemId } from '../base/ids.ts'
import type { Act } from '../define/act.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { CancelReason, Item, RequestContext } from '../define/item.ts'
import { decidedKinds, decideAct } from '../engine/act-decision.ts'
import { toAct } from '../engine/act-desk.ts'
import { callbackDefinition } from '../engine/callback-item.ts'
import { findItems } from '../engine/item-search.ts'
import { digestOf } from '../engine/prepare.ts'
import { readActsOfItem } from '../store/acts.ts'
import { readItemHistory, type ItemHistory } from '../store/item-log.ts'
import { readItemPlace } from '../store/item-rows.ts'
import { timelineOf, type TimelineEntry } from './item-timeline.ts'
import type { ItemRef, ItemRow, SeenItems } from './items.ts'

/** All that is known of an item, as an operator sees it. */
export interface ItemPage extends Omit<ItemRow, 'error'> {
  readonly input: unknown
  readonly inputDigest: string
  readonly result?: unknown
  readonly error?: FailureRecord
  readonly reason?: CancelReason
  readonly progress?: unknown
  readonly context: RequestContext
  readonly heldBy?: ItemRef
  readonly blocks: boolean
  readonly timeline: TimelineEntry[]
  readonly parent?: ItemRef
  readonly children: ItemRef[]
  readonly clones: ItemRef[]
  readonly acts: Act[]
  readonly can: ActKind[]
  readonly redacted: string[]
}

const maxChildren = 50
/** Callbacks and clones of an item are among its children, and are told apart from them. */
const maxDescendants = 200
const maxActs = 200
/** Of the log so many lines are shown from its beginning and from its end, and as many of what happened beside. */
const linesAtEnds = 500
const maxClones = 200
const childrenBudgetMs = 150

/** @throws CoatcheckError `ITEM_NOT_FOUND`, `ITEM_ID_INVALID` */
export async function readItemPage(items: SeenItems, given: string): Promise<ItemPage> {
  const item = await items.item(given)
  const { parts } = items
  const { driver, schema } = parts.database
  const history = await readItemHistory(driver, schema, item.id, linesAtEnds)
  const acts = (await readActsOfItem(driver, schema, item.id, maxActs)).map(toAct)
  const place = await readItemPlace(driver, schema, item.id)
  const redaction = await items.secrets.ofItem(item)
  const clones = clonesIn(history)
  const { children, callbacks } = await readDescendants(items, item, clones)
  const holder = item.heldBy ?? place.behind ?? undefined
  const parent = item.context.causationId
  const input = redaction.payload(item.input)
  const [heldBy] = holder === undefined ? [] : await items.refs([holder])
  const [parentRef] = parent === undefined || !isItemId(parent) ? [] : await items.refs([parent])
  const { correlationId, caller } = item.context
  // As the item has it, it is an id alone.
  const { heldBy: _heldBy, error, progress, result, ...record } = item
  return {
    ...record,
    key: item.key === null ? null : redaction.key(item.key),
    ...(correlationId !== undefined && { correlationId }),
    ...(caller !== undefined && { caller }),
    input,
    inputDigest: digestOf(input),
    ...(result !== undefined && { result: redaction.result(result) }),
    ...(error && { error: redaction.failure(error) }),
    ...(progress !== undefined && { progress: redaction.anything(progress) }),
    ...(heldBy && { heldBy }),
    blocks: place.blocks,
    timeline: timelineOf(item, history, acts, callbacks, redaction),
    ...(parentRef && { parent: parentRef }),
    children,
    clones: await items.refs(clones),
    acts,
    can: possibleActs(item, place.blocks, parts.road.definitions.has(definitionOf(item))),
    redacted: [...redaction.places],
  }
}

function definitionOf({ kind, processor }: Item): string {
  return kind === 'service' ? `service:${processor}` : processor
}

/** What an operator can ask for as the item stands: what the owner of its partition would do. */
function possibleActs({ state }: Item, blocks: boolean, isKnown: boolean): ActKind[] {
  const decided = decidedKinds.filter((kind) => {
    const decision = decideAct(kind, state, blocks)
    // Another input is checked by the definition.
    return (decision === 'apply' || decision === 'tell') && (kind !== 'edit' || isKnown)
  })
  return isKnown ? [...decided, 'clone'] : decided
}

/** Items that were made of it, by what its log says. */
function clonesIn({ events }: ItemHistory): string[] {
  const clones = [...events.first, ...events.last].flatMap(({ event, data }) => {
    if (event !== 'cloned' || data === null) return []
    const { clone } = JSON.parse(data) as { clone?: unknown }
    return typeof clone === 'string' ? [clone] : []
  })
  return clones.slice(-maxClones)
}

/** What its handlers enqueued, and its callbacks. */
async function readDescendants(items: SeenItems, { id }: Item, clones: readonly string[]) {
  const { accessGroup } = items.operator
  const filter = { causationId: id, ...(accessGroup !== undefined && { accessGroup }) }
  const { ids } = await findItems(items.parts.database, filter, {
    order: 'oldest',
    limit: maxDescendants,
    budgetMs: childrenBudgetMs,
  })
  const rows = await items.rows(ids.filter((each) => !clones.includes(each)))
  const isCallback = ({ processor }: ItemRow): boolean => processor === callbackDefinition.id
  const children: ItemRef[] = rows
    .filter((row) => !isCallback(row))
    .slice(0, maxChildren)
    .map((row) => ({ id: row.id, processor: row.processor, state: row.state, key: row.key }))
  return { children, callbacks: rows.filter(isCallback) }
}
