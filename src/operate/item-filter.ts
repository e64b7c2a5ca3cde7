import { CoatcheckError } from '../base/errors.ts'
import { isItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import { itemStates } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readDefinitionsOf } from '../store/item-rows.ts'
import { readClock, readQueueNumber } from '../store/topology.ts'
import { isAtLeast, type Operator } from './operator.ts'
import { time, z } from './schema.ts'

const text = z
  .string()
  .min(1)
  .max(1_024)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'is no text')

/** One, more than one, or a list with commas. */
function listOf<Each extends z.ZodType>(each: Each, most: number) {
  return z.preprocess(
    (value) =>
      [value]
        .flat()
        .flatMap((one: unknown) => (typeof one === 'string' ? one.split(',') : [one]))
        .filter((one) => one !== ''),
    z.array(each).max(most),
  )
}

const itemId = z
  .string()
  .toLowerCase()
  .refine(isItemId, 'is not a queue item id; ids look like 0199f3a1-7c00-8001-8001-5f3c9a2b1000')

/** The id of a trace, by itself or in a `traceparent` of W3C Trace Context. */
const traceId = z
  .string()
  .trim()
  .toLowerCase()
  .transform((value) => /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(value)?.[1] ?? value)
  .refine(
    (value) => /^[0-9a-f]{32}$/.test(value),
    'is no id of a trace: 32 hexadecimal digits, or a traceparent',
  )

/** Which items are meant: all that fit every member. The query of lists, and `filter` of acts in bulk. */
export const filterMembers = {
  state: listOf(z.enum(itemStates), 8).optional().describe('One, more than one, or a list with commas'),
  queue: text.optional(),
  processor: text.optional().describe('The name of a queue processor or a service'),
  application: text.optional().describe('The application that declared the definition'),
  key: text.optional().describe('The partition key'),
  keyPrefix: text.optional().describe('What the partition key begins with'),
  correlationId: text.optional(),
  causationId: text.optional().describe('The item that made them: its children and clones'),
  traceId: traceId
    .optional()
    .describe(
      'The trace that they are part of: its 32 hexadecimal digits, or a traceparent. It has no index: narrow it by from and to',
    ),
  caller: text.optional(),
  errorCode: text.optional().describe('Of the last failure of items that have not succeeded'),
  fingerprint: text
    .optional()
    .describe('Of broken items: those that broke for the same reason, or for that of the item with this id'),
  from: time.optional().describe('Accepted at this time or later'),
  to: time.optional().describe('Accepted before this time'),
  text: text
    .max(200)
    .optional()
    .describe(
      'Stands in the payload, the result, the error or the log, in whatever case; looked for in the last day unless from or to is given',
    ),
  ids: listOf(itemId, 10_000).optional(),
} as const

export const filterSchema = z.strictObject(filterMembers)

export type GivenFilter = z.infer<typeof filterSchema>

const dayMs = 86_400_000

/**
 * A filter as the search reads it: within what the operator may see.
 * @throws CoatcheckError `UNKNOWN_QUEUE`
 */
export async function readFilter(
  given: GivenFilter,
  { accessGroup }: Operator,
  database: OpenDatabase,
): Promise<ItemFilter> {
  const { driver, schema } = database
  const { state, queue, processor, application, from, to, ...same } = given
  const definitions = await readDefinitions(processor, application, database)
  const isAnyTime = from === undefined && to === undefined && same.ids === undefined
  const after =
    same.text !== undefined && isAnyTime ? (await readClock(driver, schema)) - dayMs : from?.getTime()
  return {
    ...withoutUndefined(same),
    ...(state && { states: state }),
    ...(queue !== undefined && { queue: await readNumber(database, queue) }),
    ...(definitions && { definitions }),
    ...(after !== undefined && { enqueuedAfter: after }),
    ...(to && { enqueuedBefore: to.getTime() }),
    ...(accessGroup !== undefined && { accessGroup }),
  }
}

/** Whichever node made the queue. */
async function readNumber({ driver, schema }: OpenDatabase, name: string): Promise<number> {
  const number = await readQueueNumber(driver, schema, name)
  if (number !== undefined) return number
  throw new CoatcheckError('UNKNOWN_QUEUE', `there is no queue ${showValue(name)}`)
}

/** A service and a queue processor may have the same name. */
async function readDefinitions(
  processor: string | undefined,
  application: string | undefined,
  { driver, schema }: OpenDatabase,
): Promise<string[] | undefined> {
  const named = processor === undefined ? undefined : [processor, `service:${processor}`]
  if (application === undefined) return named
  const declared = await readDefinitionsOf(driver, schema, application)
  return named ? declared.filter((id) => named.includes(id)) : declared
}

function withoutUndefined<Given extends object>(given: Given): Filled<Given> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as unknown as Filled<Given>
}

type Filled<Given> = { [Name in keyof Given]?: Exclude<Given[Name], undefined> }

/** Whether an operator may see an item of that access group. */
export function maySee({ accessGroup }: Operator, context: { readonly accessGroup?: string }): boolean {
  return accessGroup === undefined || accessGroup === context.accessGroup
}

/** Whether secrets are hidden from an operator. */
export function seesSecrets({ role }: Operator): boolean {
  return isAtLeast(role, 'administrator')
}
