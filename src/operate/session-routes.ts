import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { answerNothing } from '../http/message.ts'
import type { OpenDatabase } from '../store/database.ts'
import { listSessions } from '../store/operator-sessions.ts'
import { pageOf, pageQuery, readCursor } from './cursor.ts'
import { isAtLeast, operatorRoles } from './operator.ts'
import { reasonSchema } from './reason.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { sessionCookie } from './session-cookie.ts'
import type { Sessions } from './sessions.ts'

/** What the console is told of the node that it is of. */
export interface ShownNode {
  readonly name: string
  readonly version: string
  /** `NODE_ENV`. */
  readonly environment: string | undefined
  readonly durability: 'durable' | 'development'
}

export interface SessionRoutesOptions {
  readonly database: OpenDatabase
  readonly sessions: Sessions
  readonly node: ShownNode
  /** The parts of the API: the first words of its paths. */
  readonly parts: () => readonly string[]
}

const operator = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(operatorRoles),
  accessGroup: z.string().optional(),
})

const session = z.object({
  id: z.string(),
  operator: operator.describe('Whose it is, with the role that counts now'),
  via: z.string().describe('How it began: password, link, or the id of an issuer'),
  createdAt: z.date(),
  seenAt: z.date().describe('When it was last used, to about a minute'),
  expiresAt: z.date().describe('When it ends if nothing more is asked'),
  isOwn: z.boolean().describe('Whether it is the one that asks'),
})

/** The session that asks, and all that there are. */
export function sessionRoutes({ database, sessions, node, parts }: SessionRoutesOptions): OperatorRoute[] {
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/session',
      role: 'observer',
      summary: 'Who is signed in, to which node, and what that node has.',
      output: z.object({
        operator,
        expiresAt: z
          .date()
          .optional()
          .describe('Of a session in a browser: when it ends if nothing more is asked'),
        node: z.object({
          name: z.string(),
          version: z.string(),
          environment: z.string().optional(),
          durability: z.enum(['durable', 'development']),
        }),
        parts: z
          .array(z.string())
          .describe(
            'The parts of the API that the node has: the first words of its paths, as items of /items/{id}',
          ),
      }),
      handle: async ({ operator: who, session: current }) => ({
        operator: who,
        ...(current && { expiresAt: current.expiresAt }),
        node,
        parts: [...parts()],
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/sign-out',
      role: 'observer',
      summary: 'Ends the session that asks.',
      handle: async ({ operator: who, session: current, request, audit }) => {
        if (!current)
          throw new CoatcheckError(
            'SESSION_NOT_FOUND',
            'an API key or a token has no session that could be ended',
          )
        await driver.transaction(async (tx) => {
          await sessions.end(current.id, who.id, tx)
          await audit({ act: 'sign-out', subject: 'session', subjectId: current.id }, tx)
        })
        sessions.forget()
        return { ...answerNothing(), cookies: [sessionCookie(request, undefined)] }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/sessions',
      role: 'observer',
      summary: 'The sessions that are good, the newest first: all to administrators, to others their own.',
      query: z.object(pageQuery),
      output: z.object({ items: z.array(session), next: z.string().optional() }),
      handle: async ({ query, operator: who, session: current }) => {
        const whose = mayEndAll(who) ? null : who.id
        const page = { after: readCursor(query.cursor), limit: query.limit + 1 }
        const rows = await listSessions(driver, schema, whose, page)
        const { items, next } = pageOf(rows, query.limit)
        return {
          items: items.map((row) => ({
            id: row.id,
            operator: {
              id: row.operator,
              name: row.name,
              role: row.role as (typeof operatorRoles)[number],
              ...(row.accessGroup !== null && { accessGroup: row.accessGroup }),
            },
            via: row.via,
            createdAt: new Date(row.createdAt),
            seenAt: new Date(row.seenAt),
            expiresAt: new Date(row.endsAt),
            isOwn: row.id === current?.id,
          })),
          ...(next !== undefined && { next }),
        }
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/sessions/:id',
      role: 'observer',
      summary: 'Ends a session on every node within 5 seconds: administrators any, others their own.',
      body: z.strictObject({ reason: reasonSchema }),
      handle: async ({ params, body, operator: who, audit }) => {
        const id = params['id'] ?? ''
        await driver.transaction(async (tx) => {
          const ended = await sessions.end(id, mayEndAll(who) ? null : who.id, tx)
          if (!ended) throw new CoatcheckError('SESSION_NOT_FOUND', `there is no session ${showValue(id)}`)
          const { operator: whose, name, via } = ended
          const before = { operator: { id: whose, name }, via }
          await audit(
            { act: 'session.end', subject: 'session', subjectId: id, before, reason: body.reason },
            tx,
          )
        })
        sessions.forget()
      },
    }),
  ]
}

function mayEndAll({
  role,
  accessGroup,
}: {
  role: (typeof operatorRoles)[number]
  accessGroup?: string
}): boolean {
  return isAtLeast(role, 'administrator') && accessGroup === undefined
}
