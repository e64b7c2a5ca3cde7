import type { OpenDatabase } from '../store/database.ts'
import { listUsers } from '../store/operator-users.ts'
import { pageOf, pageQuery, readCursor } from './cursor.ts'
import { checkSeesAll, operatorRoles } from './operator.ts'
import { reasonSchema } from './reason.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import type { Sessions } from './sessions.ts'
import { toUser, type Users } from './users.ts'

const user = z.object({
  name: z.string(),
  role: z.enum(operatorRoles),
  accessGroup: z.string().optional(),
  hasPassword: z.boolean(),
  isDisabled: z.boolean(),
  createdAt: z.date(),
  disabledAt: z.date().optional(),
})

// told in a sentence of its own where it is too short or too long
const password = z.string().max(1_000).optional()

/** The users of the console. */
export function userRoutes(
  { driver, schema }: OpenDatabase,
  users: Users,
  sessions: Sessions,
): OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/users',
      role: 'observer',
      summary: 'The users of the console, in the order of their names.',
      query: z.object(pageQuery),
      output: z.object({ items: z.array(user), next: z.string().optional() }),
      handle: async ({ query, operator }) => {
        checkSeesAll(operator)
        const after = readCursor(query.cursor)?.id ?? null
        const rows = await listUsers(driver, schema, after, query.limit + 1)
        const placed = rows.map((row) => ({ ...row, place: '0', id: row.name }))
        const { items, next } = pageOf(placed, query.limit)
        return { items: items.map(toUser), ...(next !== undefined && { next }) }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/users',
      role: 'administrator',
      summary: 'Makes a user.',
      body: z.object({
        name: z.string().max(200),
        role: z.enum(operatorRoles),
        password,
        accessGroup: z.string().optional(),
        reason: reasonSchema,
      }),
      output: user,
      handle: async (call) => {
        checkSeesAll(call.operator)
        const { reason: why, ...given } = call.body
        return users.create(given, { author: call.author, reason: why })
      },
    }),
    defineRoute({
      method: 'PUT',
      path: '/users/:name',
      role: 'administrator',
      summary: 'Changes a user. A new password, and being disabled, ends its sessions within 5 seconds.',
      body: z.object({
        role: z.enum(operatorRoles).optional(),
        password,
        isDisabled: z.boolean().optional(),
        accessGroup: z.string().nullable().optional(),
        reason: reasonSchema,
      }),
      output: user,
      handle: async (call) => {
        checkSeesAll(call.operator)
        const { reason: why, ...change } = call.body
        const act = { author: call.author, reason: why, ownSession: call.session?.id }
        const changed = await users.change(call.params['name'] ?? '', change, act)
        sessions.forget()
        return changed
      },
    }),
  ]
}
