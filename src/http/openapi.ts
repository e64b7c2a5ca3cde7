import { showNumber } from '../base/shown-value.ts'
import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { Road } from '../engine/face.ts'
import { mayQueue } from './callback-request.ts'
import { mayCall, type Caller, type Rate } from './caller.ts'
import { fittingExample } from './example-input.ts'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import { countedAnswers, refusals, serviceProblems, sharedAnswers, type Access } from './openapi-answers.ts'
import { itemPaths, nodePaths } from './openapi-items.ts'
import {
  callbackBody,
  callbackParameters,
  headers,
  limitHeaders,
  parameters,
  schemas,
  securitySchemes,
  signInHeaders,
} from './openapi-parts.ts'

export interface OpenApiOptions {
  /** The name of the node. */
  readonly title: string
  readonly version: string
  readonly basePath: string
  /** Whether the end of a queued request can be posted to its caller. */
  readonly offersCallbacks: boolean
  /** The limit of callers without one of their own; unset: none. */
  readonly rate: Rate | undefined
  /** Whether a service answers without credentials. */
  readonly isOpen: (definition: Definition) => boolean
}

/** A description, as one caller gets it. */
type Shown = Access & OpenApiOptions

/** Descriptions that are kept: as many as there are sets of services that callers may call, twice where some have a limit. */
const maxKept = 50

/** Makes descriptions of the API for callers, each with what that one may call. JSON. */
export function createApiDescription(road: Pick<Road, 'definitions'>, options: OpenApiOptions) {
  const kept = new Map<string, string>()
  return (caller: Caller): string => {
    const definitions = new Map([...road.definitions].filter(([, definition]) => mayCall(caller, definition)))
    const isLimited = (caller.rate ?? options.rate) !== undefined
    const sort = [isLimited, ...definitions.keys()].join(' ')
    const known = kept.get(sort)
    if (known !== undefined) return known
    const isSignedIn = caller.kind !== 'local'
    const text = JSON.stringify(describeApi({ definitions }, { ...options, isSignedIn, isLimited }))
    if (kept.size < maxKept) kept.set(sort, text)
    return text
  }
}

/** What the doors in over HTTP are, in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1). */
function describeApi(road: Pick<Road, 'definitions'>, options: Shown): object {
  const { isSignedIn, isLimited, offersCallbacks } = options
  const own: Record<string, JsonSchema> = {}
  const paths: Record<string, object> = {}
  for (const definition of road.definitions.values()) {
    const { service } = definition
    if (service) paths[service.path] = { post: describeService(definition, service, own, options) }
  }
  const services = [...road.definitions.values()].filter(({ service }) => service)
  const tags = [...new Set(services.map(({ application }) => application))]
  return {
    openapi: '3.1.1',
    info: {
      title: options.title,
      version: options.version,
      description:
        'Hand work over, keep the ticket, come back for the result. A request that is queued is answered with 202 and the id of its queue item, the ticket: `/queue-items/{id}` is its status, `/queue-items/{id}/result` its result.',
    },
    servers: [{ url: options.basePath === '' ? '/' : options.basePath }],
    tags: [
      ...tags.map((name) => ({ name, description: `Services of the application ${name}` })),
      { name: 'queue items', description: 'The status and result of requests that were queued' },
      { name: 'node', description: 'The health of this node, for whatever watches over it' },
    ],
    paths: { ...paths, ...itemPaths(options), ...nodePaths },
    ...(isSignedIn && { security: [{ bearer: [] }] }),
    components: {
      schemas: { ...own, ...schemas },
      parameters: { ...parameters, ...(offersCallbacks && callbackParameters) },
      headers: { ...headers, ...(isSignedIn && signInHeaders), ...(isLimited && limitHeaders) },
      responses: sharedAnswers(options),
      ...(isSignedIn && { securitySchemes }),
    },
  }
}

function describeService(
  definition: Definition,
  service: ServiceSettings,
  own: Record<string, JsonSchema>,
  shown: Shown,
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
  const example = fittingExample(definition.input)
  const input = { schema: place('input'), ...(example !== undefined && { example }) }
  const isImmediate = service.execution === 'immediate'
  const queues = mayQueue(definition, service, true)
  const posts = queues && service.callback && shown.offersCallbacks
  return {
    operationId: `${application}.${name}`,
    summary: `${name} (${isImmediate ? 'answers at once' : 'queues its requests'})`,
    description: explainService(service),
    tags: [application],
    parameters: [
      { $ref: '#/components/parameters/Prefer' },
      {
        ...parameters.IdempotencyKey,
        required: service.idempotency.required,
      },
      { $ref: '#/components/parameters/CorrelationId' },
      { $ref: '#/components/parameters/RequestId' },
      { $ref: '#/components/parameters/TraceParent' },
      ...(posts ? [{ $ref: '#/components/parameters/CallbackUrl' }] : []),
    ],
    requestBody: {
      description: `JSON in UTF-8, at most ${showNumber(definition.maxPayloadBytes)} bytes`,
      required: true,
      content: { 'application/json': input },
    },
    // either will do: nothing, or the scheme of the document
    ...(shown.isSignedIn && shown.isOpen(definition) && { security: [{}, { bearer: [] }] }),
    responses: {
      ...countedAnswers({ '200': answerOf(service, place('output'), queues) }, shown.isLimited),
      ...(queues && { '202': { $ref: '#/components/responses/Queued' } }),
      ...serviceProblems,
      ...refusals(shown, true),
    },
    ...(posts && { callbacks: { ended: { '{$request.header.callback-url}': callbackBody } } }),
  }
}

/** What a newcomer has to know of it. */
function explainService({ execution, respondAsync, queueWhen }: ServiceSettings): string {
  const again =
    'A request whose answer was lost may be sent again with the same `Idempotency-Key`: it has its effects once.'
  if (execution === 'queue')
    return `The request is stored and runs when it is its turn. The answer is 202 with a ticket: \`GET /queue-items/{id}/result?wait=20s\` gives the result. With \`Prefer: wait=10\` the answer is the result itself where it comes within 10 seconds. ${again}`
  return [
    'Runs while you wait, and answers with its result.',
    ...(queueWhen ? ['Where it fails for now it may be queued, and is answered with 202 and a ticket.'] : []),
    ...(respondAsync
      ? ['With `Prefer: respond-async` it is queued, and answered with 202 and a ticket.']
      : []),
    again,
  ].join(' ')
}

/** The answer with the result. */
function answerOf({ execution }: ServiceSettings, schema: object, queues: boolean) {
  const header = (name: string) => ({ $ref: `#/components/headers/${name}` })
  return {
    description:
      execution === 'immediate'
        ? 'The answer of the service; it may choose another status and media type, and 204 says that there is no output.'
        : 'With `Prefer: wait` the result that came in time; the service may choose another status and media type, and 204 says that there is no output.',
    headers: {
      'Preference-Applied': header('PreferenceApplied'),
      'Idempotency-Replayed': header('IdempotencyReplayed'),
      ...(queues && {
        'Coatcheck-Item-State': header('ItemState'),
        'Content-Location': header('ContentLocation'),
      }),
    },
    content: { 'application/json': { schema } },
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
