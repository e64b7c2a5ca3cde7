import { apiKeysOf, toApiKey, type ApiKey } from '../http/api-keys.ts'
import { pageApiKeys } from '../store/api-keys.ts'
import type { OpenDatabase } from '../store/database.ts'
import { pageOf, pageQuery, readCursor } from './cursor.ts'
import { checkSeesAll } from './operator.ts'
import { reasonSchema } from './reason.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'

const rate = z.object({
  quota: z.number().int().min(1).max(1_000_000_000).describe('So many requests'),
  windowMs: z.number().int().min(1_000).max(86_400_000).multipleOf(1_000).describe('in so many milliseconds'),
})

const key = z.object({
  id: z.string(),
  name: z.string(),
  roles: z.array(z.string()),
  services: z.array(z.string()).optional(),
  accessGroup: z.string().optional(),
  rate: rate.optional(),
  state: z.enum(['active', 'expired', 'revoked']),
  createdAt: z.date(),
  expiresAt: z.date().optional(),
  lastUsedAt: z.date().optional().describe('To about five minutes'),
  revokedAt: z.date().optional(),
})

/** API keys: who may call services, and this API. */
export function apiKeyRoutes({ driver, schema }: OpenDatabase): OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api-keys',
      role: 'observer',
      summary: 'The API keys, the newest first, without their secrets; those that were revoked too.',
      query: z.object(pageQuery),
      output: z.object({ items: z.array(key), next: z.string().optional() }),
      handle: async ({ query, operator }) => {
        checkSeesAll(operator)
        const page = { after: readCursor(query.cursor), limit: query.limit + 1 }
        const { items, next } = pageOf(await pageApiKeys(driver, schema, page), query.limit)
        return { items: items.map((row) => shown(toApiKey(row))), ...(next !== undefined && { next }) }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api-keys',
      role: 'administrator',
      summary: 'Makes an API key. What the caller sends is in this answer and nowhere else.',
      body: z.object({
        name: z.string().min(1).max(255),
        roles: z.array(z.string()).max(100),
        services: z.array(z.string()).max(1_000).optional(),
        accessGroup: z.string().min(1).max(255).optional(),
        expiresInDays: z.number().int().min(1).max(3_650).optional(),
        rate: rate.optional(),
        reason: reasonSchema,
      }),
      output: z.object({ id: z.string(), key: z.string() }),
      handle: async ({ body, operator, audit }) => {
        checkSeesAll(operator)
        const { name, roles, services, accessGroup, expiresInDays } = body
        return driver.transaction(async (tx) => {
          const { key: secret, ...made } = await apiKeysOf({ driver: tx, schema }).create({
            name,
            ...(roles.length > 0 && { roles }),
            ...(services && services.length > 0 && { services }),
            ...(accessGroup !== undefined && { accessGroup }),
            ...(expiresInDays !== undefined && { expires: expiresInDays * 86_400_000 }),
            ...(body.rate && { rate: { quota: body.rate.quota, window: body.rate.windowMs } }),
          })
          const { id, ...after } = made
          await audit(
            { act: 'api-key.create', subject: 'api-key', subjectId: id, after, reason: body.reason },
            tx,
          )
          return { id, key: secret }
        })
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/api-keys/:id',
      role: 'administrator',
      summary: 'Ends an API key on every node within 5 seconds.',
      body: z.object({ reason: reasonSchema }),
      handle: async ({ params, body, operator, audit }) => {
        checkSeesAll(operator)
        const id = params['id'] ?? ''
        await driver.transaction(async (tx) => {
          await apiKeysOf({ driver: tx, schema }).revoke(id.replaceAll('\0', '').toWellFormed())
          await audit({ act: 'api-key.revoke', subject: 'api-key', subjectId: id, reason: body.reason }, tx)
        })
      },
    }),
  ]
}

function shown({ roles, services, ...rest }: ApiKey) {
  return { ...rest, roles: [...roles], ...(services && { services: [...services] }) }
}
