import { actKinds } from '../base/act-kind.ts'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Act } from '../define/act.ts'
import type { Item } from '../define/item.ts'
import { digestOf } from '../engine/prepare.ts'
import type { Runner } from '../store/driver.ts'
import { act as actSchema } from './item-schemas.ts'
import { beforeOf, SeenItems, type ItemParts } from './items.ts'
import type { Operator } from './operator.ts'
import { changesBetween } from './payload-changes.ts'
import { callbackSecrets, redactionOf, secretsAt } from './redaction.ts'
import { isStillHidden, restoreHidden } from './restored-payload.ts'
import { defineRoute, type OperatorCall, type OperatorRoute } from './route.ts'
import { time, z } from './schema.ts'

export const reasonSchema = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'is no text')
  .optional()
  .describe('Why; it stands in the audit and in the log of the item')

const body = z.strictObject({
  act: z.enum(actKinds),
  reason: reasonSchema,
  input: z.unknown().optional().describe('Of edit, and if wanted of requeue and clone'),
  inputDigest: z
    .string()
    .optional()
    .describe(
      'That of the item when its input was read: the act is refused where the input has been changed since',
    ),
  until: time.optional().describe('Of defer: when it goes on by itself'),
})

type ActBody = z.infer<typeof body>

/** Which acts take another input. */
const takeInput: readonly string[] = ['edit', 'requeue', 'clone']

/** Acts on one item. */
export function itemActRoutes(parts: ItemParts): OperatorRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/items/:id/acts',
      role: 'operator',
      summary: 'Asks for an act on an item; a clone is answered with the id of the new item.',
      body,
      output: z.union([actSchema, z.object({ id: z.string() })]),
      handle: async (call) => {
        const items = new SeenItems(parts, call.operator)
        checkMembers(call.body)
        const item = await items.item(call.params['id'] ?? '')
        const input = await givenInput(items, item, call.body)
        if (call.body.act === 'clone') return cloneItem(parts, call, item, input)
        return actOnItem(items, call, item, call.body.act, input)
      },
    }),
  ]
}

function checkMembers({ act, input, inputDigest, until }: ActBody): void {
  if (act === 'edit' && input === undefined) throw invalid('input', 'edit takes the new input')
  if (input !== undefined && !takeInput.includes(act)) throw invalid('input', `${act} takes no input`)
  if (inputDigest !== undefined && input === undefined)
    throw invalid('inputDigest', 'inputDigest goes with an input')
  if (until !== undefined && act !== 'defer') throw invalid('until', `${act} takes no time; defer does`)
}

function invalid(member: string, detail: string): CoatcheckError {
  return new CoatcheckError('REQUEST_INVALID', `the body does not fit: ${detail}`, {
    errors: [{ detail, pointer: `/${member}` }],
  })
}

/** What an operator was not shown stays as it is. */
async function givenInput(
  items: SeenItems,
  item: Item,
  { input, inputDigest }: ActBody,
): Promise<{ value: unknown } | undefined> {
  if (input === undefined) return undefined
  const log = await items.parts.road.itemLog(item.id)
  // As the page of the item shows it.
  const redaction = items.redaction(
    item,
    log.map(({ data }) => beforeOf(data)),
  )
  if (inputDigest !== undefined && inputDigest !== digestOf(redaction.payload(item.input)))
    throw new CoatcheckError(
      'INPUT_CHANGED',
      `the input of item ${item.id} has been changed since you read it: read it again, and make your change to that`,
    )
  const value = restoreHidden(redaction, input, item.input)
  if (isStillHidden(redaction, value, item.input))
    throw invalid(
      'input',
      'a place that is hidden reads ••• and cannot be put back: give its value, or leave it where it was',
    )
  return { value }
}

/** The keys are made of what the operator may not see. */
function hideKeys(error: unknown, items: SeenItems, item: Item): unknown {
  if (!isCoatcheckError(error) || error.code !== 'KEY_CHANGED') return error
  if (items.redaction(item).places.length === 0) return error
  const sentence = `with this input item ${item.id} would have another key than it has, and its place in the order of that: clone it with the input instead`
  return new CoatcheckError('KEY_CHANGED', sentence)
}

async function actOnItem(
  items: SeenItems,
  { operator, body: { reason, until }, audit }: OperatorCall<undefined, ActBody>,
  item: Item,
  kind: Exclude<ActBody['act'], 'clone'>,
  input: { value: unknown } | undefined,
): Promise<Act> {
  const { acts, definitions } = items.parts.road
  const changed = input && auditedInput(secretsOf(definitions, item), item.input, input.value)
  const write = (act: string, after: object, runner?: Runner): Promise<void> =>
    audit(
      {
        act,
        subject: 'item',
        subjectId: item.id,
        before: { state: item.state, attempts: item.attempts, ...changed?.before },
        after: { ...after, ...(until && { until }), ...changed?.after },
        reason,
      },
      runner,
    )
  let id: string | undefined
  const more = {
    ...(input && { input }),
    ...(until && { until: until.getTime() }),
    // Whoever owns the item decides the act later: that it was asked for commits with it, and what came of it is written then.
    along: (act: string, runner: Runner) => write(`${kind}.asked`, { act: (id = act) }, runner),
  }
  try {
    const asked = await acts.ask(kind, item.id, askingOf(operator, reason), more)
    await write(kind, { act: asked.id, verdict: asked.verdict })
    return asked
  } catch (error) {
    if (id !== undefined && isCoatcheckError(error, 'ACT_REFUSED'))
      await write(kind, { act: id, verdict: 'refused' })
    throw hideKeys(error, items, item)
  }
}

async function cloneItem(
  { road: { acts, definitions } }: ItemParts,
  { operator, body: { reason }, audit }: OperatorCall<undefined, ActBody>,
  item: Item,
  input: { value: unknown } | undefined,
): Promise<{ id: string }> {
  const changed = input && auditedInput(secretsOf(definitions, item), item.input, input.value)
  const id = await acts.clone(item.id, askingOf(operator, reason), input, (clone, runner) =>
    audit(
      {
        act: 'clone',
        subject: 'item',
        subjectId: item.id,
        before: { state: item.state, ...changed?.before },
        after: { clone, ...changed?.after },
        reason,
      },
      runner,
    ),
  )
  return { id }
}

export function askingOf(operator: Operator, reason: string | undefined) {
  return { operator: operator.id, ...(reason !== undefined && { reason }) }
}

/** What observers do not see of an item. */
function secretsOf(
  definitions: ItemParts['road']['definitions'],
  { kind, processor, input }: Item,
): readonly string[] | 'all' {
  const id = kind === 'service' ? `service:${processor}` : processor
  const of = (definition: string) => {
    const known = definitions.get(definition)
    return known ? (known.secret ?? []) : 'all'
  }
  return callbackSecrets(id, input, of) ?? of(id)
}

/** What the audit keeps of an edit: digests of both, and what has changed, without what is secret. Every observer may read it. */
function auditedInput(secrets: readonly string[] | 'all', before: unknown, after: unknown) {
  const { payload, places } = redactionOf(secrets, [before, after])
  const [was, is] = [payload(before), payload(after)]
  const secretChanged = digestOf(secretsAt(places, before)) !== digestOf(secretsAt(places, after))
  // A digest of what is secret, too, would tell whether a guess is right.
  return {
    before: { inputDigest: digestOf(was) },
    after: {
      inputDigest: digestOf(is),
      changes: changesBetween(was, is),
      ...(places.length > 0 && { secretChanged }),
    },
  }
}
