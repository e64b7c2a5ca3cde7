import { actKinds } from '../base/act-kind.ts'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Act } from '../define/act.ts'
import type { Item } from '../define/item.ts'
import { digestOf } from '../engine/prepare.ts'
import type { Runner } from '../store/driver.ts'
import { seesSecrets } from './item-filter.ts'
import { act as actSchema } from './item-schemas.ts'
import { SeenItems, type ItemParts } from './items.ts'
import type { Operator } from './operator.ts'
import { changesBetween } from './payload-changes.ts'
import { reasonSchema } from './reason.ts'
import { callbackSecrets, hidden, redactionOf, secretsAt } from './redaction.ts'
import { restoreHidden } from './restored-payload.ts'
import { defineRoute, type OperatorCall, type OperatorRoute } from './route.ts'
import { time, z } from './schema.ts'

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
        if (call.body.act === 'clone') return cloneItem(items, call, item, input)
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
  { act, input, inputDigest }: ActBody,
): Promise<GivenInput | undefined> {
  if (input === undefined) return undefined
  // As the page of the item shows it.
  const redaction = await items.secrets.ofItem(item)
  if (inputDigest !== undefined && inputDigest !== digestOf(redaction.payload(item.input)))
    throw new CoatcheckError(
      'INPUT_CHANGED',
      `the input of item ${item.id} has been changed since you read it: read it again, and make your change to that`,
    )
  const restored = restoreHidden(redaction, input, item.input)
  if (!restored)
    throw invalid(
      'input',
      'a place that is hidden reads ••• and cannot be put back: give its value, or leave it where it was',
    )
  const shown = secretsAt(redaction.places, redaction.payload(item.input))
  const givesSecret = secretsAt(redaction.places, input).some((value) => value !== hidden)
  // Whether the key stays the same would tell whether it is the old one.
  if (givesSecret && shown.length > 0 && item.key !== null && act !== 'clone')
    throw invalid(
      'input',
      `a place that is hidden has another value, and whether it is the right one for the key of the item only administrators may find out: leave it as ${hidden}, or clone the item with the input`,
    )
  return { value: restored.value, putsBack: shown.length > 0 }
}

/** An input that an operator gives. */
interface GivenInput {
  readonly value: unknown
  /** Something of it may be what the operator was not shown. */
  readonly putsBack: boolean
}

/** What is wrong with an input is told without what was put back: keys are made of it, and schemas may say it. */
function hideInput(error: unknown, item: Item, putsBack: boolean): unknown {
  if (!putsBack || !isCoatcheckError(error)) return error
  if (error.code === 'KEY_CHANGED')
    return new CoatcheckError(
      'KEY_CHANGED',
      `with this input item ${item.id} would have another key than it has, and its place in the order of that: clone it with the input instead`,
    )
  if (!['PAYLOAD_INVALID', 'KEY_INVALID', 'PAYLOAD_NO_LONGER_FITS'].includes(error.code)) return error
  const errors = error.errors?.map(({ pointer }) => ({ detail: hidden, pointer }))
  const sentence = `with what is hidden of it the input does not fit ${item.processor}; why is shown to administrators`
  return new CoatcheckError(error.code, sentence, errors && { errors })
}

async function actOnItem(
  items: SeenItems,
  { operator, body: { reason, until, input: given }, audit }: OperatorCall<undefined, ActBody>,
  item: Item,
  kind: Exclude<ActBody['act'], 'clone'>,
  input: GivenInput | undefined,
): Promise<Act> {
  const { acts, definitions } = items.parts.road
  const changed = input && auditedInput(secretsOf(definitions, item), item.input, input.value)
  const secretChanged = input && givesOther(secretsOf(definitions, item), operator, item.input, given)
  const write = (act: string, after: object, runner?: Runner): Promise<void> =>
    audit(
      {
        act,
        subject: 'item',
        subjectId: item.id,
        before: { state: item.state, attempts: item.attempts, ...changed?.before },
        after: {
          ...after,
          ...(until && { until }),
          ...changed?.after,
          ...(secretChanged !== undefined && { secretChanged }),
        },
        reason,
      },
      runner,
    )
  let id: string | undefined
  const more = {
    ...(input && { input: { value: input.value } }),
    ...(until && { until: until.getTime() }),
    // Whoever owns the item decides the act later: that it was asked for commits with it, and what came of it is written then.
    along: (act: string, runner: Runner) => write(`${kind}.asked`, { act: (id = act) }, runner),
  }
  try {
    const asked = await acts.ask(kind, item.id, askingWithInput(operator, reason), more)
    await write(kind, { act: asked.id, verdict: asked.verdict })
    return asked
  } catch (error) {
    if (id !== undefined && isCoatcheckError(error, 'ACT_REFUSED'))
      await write(kind, { act: id, verdict: 'refused' })
    throw hideInput(error, item, input?.putsBack ?? false)
  }
}

async function cloneItem(
  items: SeenItems,
  { operator, body: { reason }, audit }: OperatorCall<undefined, ActBody>,
  item: Item,
  input: GivenInput | undefined,
): Promise<{ id: string }> {
  const { acts, definitions } = items.parts.road
  const changed = input && auditedInput(secretsOf(definitions, item), item.input, input.value)
  const write = (clone: string, runner: Runner): Promise<void> =>
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
    )
  try {
    return { id: await acts.clone(item.id, askingWithInput(operator, reason), input, write) }
  } catch (error) {
    // The stored input may not fit any more.
    throw hideInput(error, item, input?.putsBack ?? items.secrets.isShy(definitionOf(item)))
  }
}

export function askingOf(operator: Operator, reason: string | undefined) {
  return {
    operator: operator.id,
    ...(reason !== undefined && { reason }),
  }
}

/** Of an act that may give an item another input. */
function askingWithInput(operator: Operator, reason: string | undefined) {
  return { ...askingOf(operator, reason), ...(seesSecrets(operator) && { seesSecrets: true as const }) }
}

function definitionOf({ kind, processor }: Item): string {
  return kind === 'service' ? `service:${processor}` : processor
}

/** What observers do not see of an item. */
function secretsOf(definitions: ItemParts['road']['definitions'], item: Item): readonly string[] | 'all' {
  const id = definitionOf(item)
  const of = (definition: string) => {
    const known = definitions.get(definition)
    return known ? (known.secret ?? []) : 'all'
  }
  return callbackSecrets(id, item.input, of) ?? of(id)
}

/** What the audit keeps of an edit: digests of both, and what has changed, without what is secret. Every observer may read it. */
function auditedInput(secrets: readonly string[] | 'all', before: unknown, after: unknown) {
  const { payload } = redactionOf(secrets, { input: before })
  const [was, is] = [payload(before), payload(after)]
  // A digest of what is secret, too, would tell whether a guess is right.
  return {
    before: { inputDigest: digestOf(was) },
    after: { inputDigest: digestOf(is), changes: changesBetween(was, is) },
  }
}

/**
 * Whether an operator gives something else at a secret place than it was shown: whether that is what it was already, the audit does
 * not tell who may not see it. Undefined where nothing is secret.
 */
function givesOther(
  secrets: readonly string[] | 'all',
  operator: Operator,
  before: unknown,
  given: unknown,
): boolean | undefined {
  const { places, payload } = redactionOf(secrets, { input: before })
  if (places.length === 0) return undefined
  const shown = seesSecrets(operator) ? before : payload(before)
  return digestOf(secretsAt(places, shown)) !== digestOf(secretsAt(places, given))
}
