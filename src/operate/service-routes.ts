import { CoatcheckError } from '../base/errors.ts'
import { lastIdOf } from '../base/ids.ts'
import type { Engine } from '../engine/engine.ts'
import { exampleInput } from '../http/example-input.ts'
import { jsonSchemaOf } from '../http/json-schema.ts'
import { servicesOf } from '../http/routes.ts'
import { readByIndex } from '../store/item-search.ts'
import { countServiceRequests } from '../store/service-counts.ts'
import { reasonSchema } from './reason.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { tryService, type TryParts } from './service-try.ts'

const hourMs = 3_600_000

/** The services of this node, and a way to try them. */
export function serviceRoutes({
  engine,
  ...rest
}: Omit<TryParts, 'road'> & { readonly engine: Engine }): OperatorRoute[] {
  const parts = { ...rest, road: engine }
  const { basePath } = rest
  const { database, figures } = engine
  const { driver, schema } = database
  const services = servicesOf(parts.road)
  return [
    defineRoute({
      method: 'GET',
      path: '/services',
      role: 'observer',
      summary: 'The services that this node answers, with an input to try each with.',
      output: z.array(
        z.object({
          name: z.string(),
          application: z.string(),
          path: z.string(),
          execution: z.enum(['immediate', 'queue']),
          queue: z.string(),
          inputSchema: z.unknown().optional().describe('JSON Schema, where its schema gives one'),
          example: z.unknown(),
          roles: z.array(z.string()).optional().describe('One of them is needed to call it'),
          requestsLastHour: z.number().describe('Those that became queue items; counts to 1,000'),
          results: z.object({ succeeded: z.number(), broken: z.number() }).describe('Of these'),
        }),
      ),
      handle: async () => {
        const seen = await figures.read()
        const numbers = new Map(seen.queues.map(({ name, queue }) => [name, queue]))
        const wanted = services.flatMap(({ definition: { id, queue } }) => {
          const number = numbers.get(queue)
          return number === undefined ? [] : [{ id, queue: number }]
        })
        const since = lastIdOf(seen.at - hourMs)
        const rows = await readByIndex(driver, schema, (runner) =>
          countServiceRequests(runner, schema, wanted, since),
        )
        const counts = new Map(rows.map((row) => [row.definition, row]))
        return services.map(({ definition, service }) => {
          const { count = 0, succeeded = 0, broken = 0 } = counts.get(definition.id) ?? {}
          const inputSchema = jsonSchemaOf(definition.input, 'input')
          return {
            name: definition.name,
            application: definition.application,
            path: basePath + service.path,
            execution: service.execution,
            queue: definition.queue,
            ...(inputSchema && { inputSchema }),
            example: exampleInput(definition.input),
            ...(service.roles && { roles: [...service.roles] }),
            requestsLastHour: count,
            results: { succeeded, broken },
          }
        })
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/services/:application/:name/try',
      role: 'operator',
      summary: 'Calls a service as the operator, and says what it answered.',
      body: z.object({
        input: z.unknown(),
        idempotencyKey: z
          .string()
          .regex(/^[\x20-\x7e]{1,200}$/)
          .optional(),
        reason: reasonSchema,
      }),
      output: z.object({
        status: z.number(),
        headers: z.record(z.string(), z.string()),
        body: z.unknown(),
        isCut: z.boolean().optional().describe('There was more than 256 kB of it'),
        durationMs: z.number(),
        id: z.string().optional().describe('The queue item that it became'),
      }),
      handle: async ({ operator, params, body, request, trail, audit }) => {
        const { application = '', name = '' } = params
        const found = services.find(
          ({ definition }) => definition.application === application && definition.name === name,
        )
        if (!found) throw new CoatcheckError('NOT_FOUND', `this node has no service ${application}/${name}`)
        const { input, idempotencyKey, reason } = body
        // Before it runs: what it does must not be without a trace.
        await audit({
          act: 'service.try',
          subject: 'service',
          subjectId: `${application}/${name}`,
          after: { ...(idempotencyKey !== undefined && { idempotencyKey }) },
          reason,
        })
        return tryService(parts, { ...found, input, idempotencyKey, operator, request, trail })
      },
    }),
  ]
}
