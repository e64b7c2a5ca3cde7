import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { Road } from '../engine/face.ts'
import { mayCall, type Caller } from './caller.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import {
  callbackBody,
  headers,
  itemPaths,
  parameters,
  responses,
  schemas,
  securitySchemes,
} from './openapi-parts.ts'

export interface OpenApiOptions {
  /** The name of the node. */
  readonly title: string
  readonly version: string
  readonly basePath: string
  /** Whether callers have to sign in; false unless set. */
  readonly isSignedIn?: boolean
}

/** Descriptions that are kept: as many as there are sets of services that callers may call. */
const maxKept = 50

/** Makes descriptions of the API for callers, each with what that one may call. JSON. */
export function createApiDescription(road: Pick<Road, 'definitions'>, options: OpenApiOptions) {
  const kept = new Map<string, string>()
  return (caller: Caller): string => {
    const definitions = new Map([...road.definitions].filter(([, definition]) => mayCall(caller, definition)))
    const names = [...definitions.keys()].join(' ')
    const known = kept.get(names)
    if (known !== undefined) return known
    const isSignedIn = caller.kind !== 'local'
    const text = JSON.stringify(describeApi({ definitions }, { ...options, isSignedIn }))
    if (kept.size < maxKept) kept.set(names, text)
    return text
  }
}

/** What the doors in over HTTP are, in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1). */
function describeApi(road: Pick<Road, 'definitions'>, options: OpenApiOptions): object {
  const own: Record<string, JsonSchema> = {}
  const paths: Record<string, object> = {}
  for (const definition of road.definitions.values()) {
    const { service } = definition
    if (service) paths[service.path] = { post: describeService(definition, service, own) }
  }
  const services = [...road.definitions.values()].filter(({ service }) => service)
  const tags = [...new Set(services.map(({ application }) => application))]
  return {
    openapi: '3.1.1',
    info: {
      title: options.title,
      version: options.version,
      description:
        'Services: hand work over, keep the ticket, come back for the result. A request that is queued is answered with 202 and the id of its queue item.',
    },
    servers: [{ url: options.basePath === '' ? '/' : options.basePath }],
    tags: [
      ...tags.map((name) => ({ name, description: `Services of the application ${name}` })),
      { name: 'queue items', description: 'The status and result of requests that were queued' },
    ],
    paths: { ...paths, ...itemPaths },
    ...(options.isSignedIn && { security: [{ bearer: [] }] }),
    components: {
      schemas: { ...own, ...schemas },
      parameters,
      headers,
      responses,
      ...(options.isSignedIn && { securitySchemes }),
    },
  }
}

function describeService(
  definition: Definition,
  service: ServiceSettings,
  own: Record<string, JsonSchema>,
): object {
  const { name, application } = definition
  const place = (side: 'input' | 'output'): object => {
    const schema = side === 'input' ? definition.input : definition.output
    const known = schema && jsonSchemaOf(schema, side)
    if (!known) return {}
    const at = `${application}.${name}.${side}`
    own[at] = relocate(known, `#/components/schemas/${at}`)
    return { $ref: `#/components/schemas/${at}` }
  }
  const isImmediate = service.execution === 'immediate'
  const queues = !isImmediate || service.respondAsync || service.queueWhen !== undefined
  const posts = queues && service.callback
  const answer = {
    description: isImmediate
      ? 'The answer of the service; it may choose another status.'
      : 'With `Prefer: wait` the result that came in time; the service may choose another status.',
    headers: {
      'Preference-Applied': { $ref: '#/components/headers/PreferenceApplied' },
      'Idempotency-Replayed': { $ref: '#/components/headers/IdempotencyReplayed' },
    },
    content: { 'application/json': { schema: place('output') } },
  }
  return {
    operationId: `${application}.${name}`,
    summary: `${name} (${isImmediate ? 'answers at once' : 'queues its requests'})`,
    tags: [application],
    parameters: [
      { $ref: '#/components/parameters/Prefer' },
      {
        ...parameters.IdempotencyKey,
        required: service.idempotency.required,
      },
      { $ref: '#/components/parameters/CorrelationId' },
      { $ref: '#/components/parameters/TraceParent' },
      ...(posts ? [{ $ref: '#/components/parameters/CallbackUrl' }] : []),
    ],
    requestBody: { required: true, content: { 'application/json': { schema: place('input') } } },
    responses: {
      '200': answer,
      ...(queues && { '202': { $ref: '#/components/responses/Queued' } }),
      '400': { $ref: '#/components/responses/Problem' },
      '403': { $ref: '#/components/responses/Problem' },
      '409': { $ref: '#/components/responses/Problem' },
      '413': { $ref: '#/components/responses/Problem' },
      '415': { $ref: '#/components/responses/Problem' },
      '422': { $ref: '#/components/responses/Problem' },
      '503': { $ref: '#/components/responses/Busy' },
      default: { $ref: '#/components/responses/Problem' },
    },
    ...(posts && { callbacks: { ended: { '{$request.header.callback-url}': callbackBody } } }),
  }
}

/** A schema as a part of the document: what it refers to in itself has moved, and its dialect is that of OpenAPI. */
function relocate(schema: JsonSchema, to: string): JsonSchema {
  const { $schema: _, ...rest } = schema
  return move(rest) as JsonSchema

  function move(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(move)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        name === '$ref' && typeof member === 'string' && member.startsWith('#')
          ? `${to}${member.slice(1)}`
          : move(member),
      ]),
    )
  }
}
