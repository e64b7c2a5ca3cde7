import { CoatcheckError } from '../base/errors.ts'
import { readAuditChoices } from '../store/audit-choices.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readAudit, type AuditRow } from '../store/operator-audit.ts'
import { pageOf, pageQuery, readCursor } from './cursor.ts'
import { checkSeesAll } from './operator.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { time, z } from './schema.ts'

const line = z.object({
  id: z.string(),
  at: z.date(),
  operator: z.object({ id: z.string(), name: z.string() }),
  act: z.string(),
  subject: z.string(),
  subjectId: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  reason: z.string().optional(),
  via: z.string().describe('session, key, token, cli, or code that runs a node'),
  requestId: z.string().optional(),
})

const text = z
  .string()
  .max(255)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'is no text')

/** What operators did. */
export function auditRoutes({ driver, schema }: OpenDatabase): OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/audit',
      role: 'observer',
      summary: 'What operators did, the newest first.',
      query: z.object({
        operator: text.optional().describe('The id of an operator: user:ada'),
        act: text.optional(),
        subject: text.optional(),
        subjectId: text.optional(),
        from: time.optional().describe('From this time on'),
        to: time.optional().describe('Before this time'),
        ...pageQuery,
      }),
      output: z.object({ items: z.array(line), next: z.string().optional() }),
      handle: async ({ query, operator }) => {
        checkSeesAll(operator)
        const { cursor, limit, from, to, ...filter } = query
        const after = readCursor(cursor)
        if (after && !/^\d{1,18}$/.test(after.id))
          throw new CoatcheckError('REQUEST_INVALID', 'the cursor is none that a page of this list gave')
        const times = { from: from?.getTime(), to: to?.getTime() }
        const rows = await readAudit(driver, schema, { ...filter, ...times }, { after, limit: limit + 1 })
        const { items, next } = pageOf(rows, limit)
        return { items: items.map(toLine), ...(next !== undefined && { next }) }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/audit/choices',
      role: 'observer',
      summary: 'What the audit can be filtered by.',
      output: z.object({
        acts: z.array(z.string()).describe('Each that stands in it'),
        subjects: z.array(z.string()).describe('Each that stands in it'),
        operators: z
          .array(z.object({ id: z.string(), name: z.string() }))
          .describe('Of the last 2,000 lines'),
      }),
      handle: async ({ operator }) => {
        checkSeesAll(operator)
        return readAuditChoices(driver, schema)
      },
    }),
  ]
}

function toLine({ id, at, operator, name, before, after, reason, requestId, ...row }: AuditRow) {
  const { act, subject, subjectId, via } = row
  return {
    id,
    at: new Date(at),
    operator: { id: operator, name },
    act,
    subject,
    subjectId,
    ...(before !== null && { before: JSON.parse(before) as unknown }),
    ...(after !== null && { after: JSON.parse(after) as unknown }),
    ...(reason !== null && { reason }),
    via,
    ...(requestId !== null && { requestId }),
  }
}
