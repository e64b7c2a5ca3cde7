import { actKinds, type ActKind } from '../base/act-kind.ts'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { itemStates } from '../define/item.ts'
import { statesFor } from '../engine/act-decision.ts'
import { countItems } from '../engine/item-search.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { askingOf } from './item-act-routes.ts'
import { filterSchema, type GivenFilter } from './item-filter.ts'
import { budgetOf, maxCounted } from './item-list-routes.ts'
import { counted } from './item-schemas.ts'
import { SeenItems, type ItemParts } from './items.ts'
import { streamProgress } from './progress-stream.ts'
import { reasonSchema } from './reason.ts'
import { hidden, mayHide } from './redaction.ts'
import type { RedriveReport } from './redrive.ts'
import { defineRoute, type OperatorCall, type OperatorRoute } from './route.ts'
import { time, z } from './schema.ts'
import { maxLimit } from './selection-limit.ts'
import { selectionOf, type BulkProgress, type BulkReport } from './selection.ts'

const bulkActs = [...actKinds.filter((kind) => kind !== 'edit'), 'redrive'] as const

type BulkAct = (typeof bulkActs)[number]

const previewBody = z.strictObject({ act: z.enum(bulkActs), filter: filterSchema })
const actBody = previewBody.extend({
  reason: reasonSchema,
  limit: z
    .number()
    .int()
    .min(1)
    .max(maxLimit)
    .optional()
    .describe('How many items at most; 10,000 unless set'),
  until: time.optional().describe('Of defer: when they go on by themselves'),
})

type ActBody = z.infer<typeof actBody>

/** Acts on all items that match a filter. */
export function bulkRoutes(parts: ItemParts): OperatorRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/items/preview',
      role: 'operator',
      summary: 'How many items an act in bulk would meet: those in a state in which it makes sense.',
      body: previewBody,
      output: counted,
      handle: async ({ body: { act, filter: given }, operator }) => {
        const items = new SeenItems(parts, operator)
        const filter = narrow(act, await items.readFilter(checkFilter(given)))
        return countItems(parts.database, filter, maxCounted, {
          budgetMs: budgetOf(filter),
          keep: items.keep(filter),
        })
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/items/acts',
      role: 'operator',
      summary:
        'Asks for an act on all items that match, and tells how far it is: lines of JSON, the last one with done and the report. It ends when the client leaves.',
      body: actBody,
      handle: async (call) => {
        const items = new SeenItems(parts, call.operator)
        if (call.body.until && call.body.act !== 'defer')
          throw new CoatcheckError('REQUEST_INVALID', `until is for defer, not for ${call.body.act}`)
        const filter = narrow(call.body.act, await items.readFilter(checkFilter(call.body.filter)))
        return {
          status: 200,
          headers: { 'content-type': 'application/x-ndjson', 'x-accel-buffering': 'no' },
          body: streamProgress(call, nothingMet, (signal, onProgress) =>
            run(items, call, filter, signal, onProgress),
          ),
        }
      },
    }),
  ]
}

/** An act on everything there is has never been meant. */
function checkFilter(filter: GivenFilter): GivenFilter {
  if (Object.values(filter).some((value) => value !== undefined)) return filter
  const detail = 'the filter is empty, and so would mean every item there is; say which are meant'
  throw new CoatcheckError('REQUEST_INVALID', detail, { errors: [{ detail, pointer: '/filter' }] })
}

/** What is meant, as far as the act makes sense: what has ended is not met to be refused. */
function narrow(act: BulkAct, filter: ItemFilter): ItemFilter {
  const kind: ActKind = act === 'redrive' ? 'requeue' : act
  const states = statesFor(kind).filter((state) => !filter.states || filter.states.includes(state))
  return {
    ...filter,
    ...(states.length < itemStates.length && { states }),
    ...((act === 'skip' || act === 'release') && { blocks: true as const }),
  }
}

/** What somebody types to find it in items. */
const typed = ['text', 'key', 'keyPrefix'] as const

/** What the audit keeps of a filter. Every observer may read it, and who looks for a secret types it: a digest would tell a good guess. */
function auditedFilter({ road: { definitions } }: ItemParts, filter: GivenFilter): GivenFilter {
  const { processor } = filter
  const known = [...definitions.keys()]
  const meant =
    processor === undefined ? known : known.filter((id) => id === processor || id === `service:${processor}`)
  // Of one that is not known here nobody can say what is secret.
  const isOpen = meant.length > 0 && meant.every((id) => !mayHide({ role: 'observer' }, definitions, id))
  if (isOpen) return filter
  const isTyped = typed.filter((name) => filter[name] !== undefined)
  return { ...filter, ...Object.fromEntries(isTyped.map((name) => [name, hidden])) }
}

const nothingMet: BulkProgress = { items: 0, applied: 0, refused: 0, pending: 0 }

/** Runs it to its end, and puts into the audit that it begins, and what came of it. */
async function run(
  items: SeenItems,
  { body: { act, reason, limit, until, filter: given }, operator, audit }: OperatorCall<undefined, ActBody>,
  filter: ItemFilter,
  signal: AbortSignal,
  onProgress: (progress: BulkProgress) => void,
): Promise<BulkReport | RedriveReport> {
  const selection = selectionOf(items.parts.road.acts, filter, items.keep(filter))
  let last: BulkProgress | undefined
  const options = {
    ...askingOf(operator, reason),
    ...(limit !== undefined && { limit }),
    signal,
    onProgress: (progress: BulkProgress) => onProgress((last = progress)),
  }
  const entry = {
    subject: 'items',
    subjectId: '',
    before: { filter: auditedFilter(items.parts, given) },
    reason,
  }
  // Nothing is done without a trace, even where the node does not live to say what came of it.
  await audit({ act: `bulk.${act}.begun`, ...entry })
  let report: BulkReport | RedriveReport | { readonly error: string } | undefined
  try {
    const done = await (act === 'defer'
      ? selection.defer({ ...options, ...(until && { until }) })
      : selection[act](options))
    report = done
    return done
  } catch (error) {
    report = { error: isCoatcheckError(error) ? error.code : 'INTERNAL', ...last }
    throw error
  } finally {
    // Once for all of them; each item's own log has a line of its own.
    await audit({ act: `bulk.${act}`, ...entry, after: report })
  }
}
