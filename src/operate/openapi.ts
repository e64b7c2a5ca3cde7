import type { OperatorRoute } from './route.ts'
import { describeSchema, type Schema } from './schema.ts'

const problem = { $ref: '#/components/responses/Problem' }

/** What the operator's API is, in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1). */
export function describeOperatorApi(
  routes: readonly OperatorRoute[],
  { version, basePath }: { readonly version: string; readonly basePath: string },
): object {
  const byPath = Map.groupBy(routes, ({ path }) => path.replaceAll(/:(\w+)/g, '{$1}'))
  return {
    openapi: '3.1.1',
    info: {
      title: "Coatcheck, the operator's API",
      version,
      description:
        'Signed in by the cookie of a session, or by an API key or a token with a role of the node. Lists go on with `cursor`, which is the `next` of the page before.',
    },
    servers: [{ url: `${basePath}/operate` }],
    security: [{ session: [] }, { bearer: [] }],
    paths: Object.fromEntries(
      [...byPath].map(([path, those]) => [
        path,
        Object.fromEntries(those.map((route) => [route.method.toLowerCase(), describeRoute(route)])),
      ]),
    ),
    components: {
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-coatcheck',
          description: 'On plain HTTP of this machine its name is `coatcheck-` and the port',
        },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      responses: {
        Problem: {
          description: 'What was wrong (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      schemas: {
        Problem: {
          type: 'object',
          required: ['type', 'title', 'status', 'detail', 'code'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
            code: { type: 'string' },
            errors: {
              type: 'array',
              items: {
                type: 'object',
                required: ['detail', 'pointer'],
                properties: { detail: { type: 'string' }, pointer: { type: 'string' } },
              },
            },
            reference: { type: 'string' },
            retryAfterMs: { type: 'number' },
          },
        },
      },
    },
  }
}

function describeRoute({ method, path, role, summary, query, body, output }: OperatorRoute): object {
  const parameters = [
    ...Array.from(path.matchAll(/:(\w+)/g), ([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(query ? queryParameters(query) : []),
  ]
  return {
    operationId: operationIdOf(method, path),
    summary,
    description: role === 'anybody' ? 'For anybody.' : `For the role ${role} and above.`,
    'x-role': role,
    ...(role === 'anybody' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { content: { 'application/json': { schema: describeSchema(body, 'input') } } },
    }),
    responses: {
      ...(output
        ? {
            200: {
              description: 'Done',
              content: { 'application/json': { schema: describeSchema(output, 'output') } },
            },
          }
        : { '2XX': { description: 'Done' } }),
      default: problem,
    },
  }
}

function queryParameters(query: Schema): object[] {
  const { properties = {}, required = [] } = describeSchema(query, 'input') as {
    properties?: Record<string, { description?: string }>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    // what has a default need not be sent
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }))
}

/** `getItemsId`: the same for every release, as long as the path is. */
function operationIdOf(method: string, path: string): string {
  const words = path.split(/\W+/).filter((word) => word !== '')
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}
