/** The parts of the description that are the same for every node. */

const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The queue item id',
  schema: { type: 'string', format: 'uuid' },
} as const
const wait = {
  name: 'wait',
  in: 'query',
  description: 'How long to wait until the item has ended, such as `20s`; at most 60 s',
  schema: { type: 'string', examples: ['20s'] },
} as const

export const parameters = {
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description:
      '`respond-async`: have the request queued; `wait=10`: the result if it comes within so many seconds (RFC 7240)',
    schema: { type: 'string', examples: ['respond-async', 'wait=10'] },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same request again, with the same key, has its effects once and the first answer',
    schema: { type: 'string', maxLength: 257, examples: ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'] },
  },
  CorrelationId: {
    name: 'X-Correlation-Id',
    in: 'header',
    description: 'Kept with the item, given on, and answered back',
    schema: { type: 'string', maxLength: 200 },
  },
  TraceParent: {
    name: 'traceparent',
    in: 'header',
    description: 'W3C Trace Context',
    schema: { type: 'string' },
  },
  CallbackUrl: {
    name: 'Callback-URL',
    in: 'header',
    description: 'Where to post the outcome when the queued request has ended',
    schema: { type: 'string', format: 'uri' },
  },
} as const

export const headers = {
  Location: { description: 'Where the item is found', schema: { type: 'string', format: 'uri-reference' } },
  RetryAfter: { description: 'Seconds after which it makes sense to ask again', schema: { type: 'integer' } },
  PreferenceApplied: {
    description: 'What was done of what the caller preferred',
    schema: { type: 'string' },
  },
  IdempotencyReplayed: {
    description: '`true` where this is the first answer once more',
    schema: { type: 'string', enum: ['true'] },
  },
  ItemState: {
    description: 'How the item ended; an answer without it is about the item, not from the service',
    schema: { type: 'string', enum: ['succeeded', 'broken'] },
  },
} as const

const time = { type: 'string', format: 'date-time' } as const

export const schemas = {
  Problem: {
    type: 'object',
    description: 'Problem details (RFC 9457)',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string', format: 'uri-reference' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What happened this time, and the way out' },
      code: { type: 'string', description: 'What programs tell it by', examples: ['PAYLOAD_INVALID'] },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['detail', 'pointer'],
          properties: {
            detail: { type: 'string' },
            pointer: {
              type: 'string',
              description: 'A JSON Pointer into the body',
              examples: ['#/employeeId'],
            },
          },
        },
      },
      reference: { type: 'string', description: 'What the log of the node has it under' },
    },
  },
  Links: {
    type: 'object',
    required: ['self', 'result', 'events'],
    properties: {
      self: { type: 'string', format: 'uri-reference' },
      result: { type: 'string', format: 'uri-reference' },
      events: { type: 'string', format: 'uri-reference' },
    },
  },
  State: {
    type: 'string',
    enum: ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled'],
  },
  Ticket: {
    type: 'object',
    required: ['id', 'state', 'links'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      state: { $ref: '#/components/schemas/State' },
      links: { $ref: '#/components/schemas/Links' },
    },
  },
  QueueItem: {
    type: 'object',
    required: ['id', 'state', 'application', 'queue', 'key', 'attempts', 'enqueuedAt', 'links'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      state: { $ref: '#/components/schemas/State' },
      service: { type: 'string' },
      processor: { type: 'string' },
      application: { type: 'string' },
      queue: { type: 'string' },
      key: { type: ['string', 'null'] },
      attempts: { type: 'integer', description: 'That have ended, plus the one that runs' },
      enqueuedAt: time,
      startedAt: time,
      endedAt: time,
      dueAt: time,
      progress: { description: 'What the handler last said' },
      error: { $ref: '#/components/schemas/Problem' },
      reason: { type: 'string', enum: ['operator', 'superseded', 'expired'] },
      correlationId: { type: 'string' },
      links: { $ref: '#/components/schemas/Links' },
    },
  },
} as const

const links = {
  getItem: { operationId: 'getItem', parameters: { id: '$response.body#/id' } },
  getResult: { operationId: 'getResult', parameters: { id: '$response.body#/id' } },
  cancelItem: { operationId: 'cancelItem', parameters: { id: '$response.body#/id' } },
} as const

export const responses = {
  Queued: {
    description: 'The request is durable, and has not ended',
    headers: {
      Location: { $ref: '#/components/headers/Location' },
      'Retry-After': { $ref: '#/components/headers/RetryAfter' },
      'Preference-Applied': { $ref: '#/components/headers/PreferenceApplied' },
    },
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Ticket' } } },
    links,
  },
  Problem: { description: 'A problem', content: problem },
  Busy: {
    description: 'It makes sense to send the request again',
    headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } },
    content: problem,
  },
} as const

export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, or a token of an issuer that is trusted',
  },
} as const

export const callbackBody = {
  post: {
    summary: 'The item has ended',
    description:
      'Signed by Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Any 2xx takes it; 410 ends it.',
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['type', 'timestamp', 'data'],
            properties: {
              type: { type: 'string', examples: ['queue-item.succeeded'] },
              timestamp: time,
              data: {
                allOf: [{ $ref: '#/components/schemas/QueueItem' }],
                properties: {
                  result: { description: 'Where it succeeded and has one' },
                  resultLeftOut: {
                    type: 'boolean',
                    description: 'There where the result was too long to go along; its link leads to it',
                  },
                },
              },
            },
          },
        },
      },
    },
    responses: { '2XX': { description: 'Taken' } },
  },
} as const

const failing = {
  '403': { description: 'Who asks is not let in', content: problem },
  '404': { description: 'There is no such item', content: problem },
  '410': { description: 'The item is not kept any more', content: problem },
  '422': { description: 'The wait is no duration', content: problem },
  '503': { $ref: '#/components/responses/Busy' },
} as const
const tags = ['queue items']

export const itemPaths = {
  '/queue-items/{id}': {
    get: {
      operationId: 'getItem',
      summary: 'How an item stands',
      tags,
      parameters: [id, wait],
      responses: {
        '200': {
          description: 'Whatever became of it',
          headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } },
          content: { 'application/json': { schema: { $ref: '#/components/schemas/QueueItem' } } },
        },
        ...failing,
      },
    },
    delete: {
      operationId: 'cancelItem',
      summary: 'Cancel an item',
      tags,
      parameters: [id],
      responses: {
        '202': { $ref: '#/components/responses/Queued' },
        '204': { description: 'It never ran, or was cancelled before' },
        '409': { description: 'It had ended', content: problem },
        ...failing,
      },
    },
  },
  '/queue-items/{id}/result': {
    get: {
      operationId: 'getResult',
      summary: 'What the service answers',
      tags,
      parameters: [id, wait],
      responses: {
        '200': {
          description: 'What the synchronous call would have answered; the service may choose another status',
          headers: { 'Coatcheck-Item-State': { $ref: '#/components/headers/ItemState' } },
          content: { 'application/json': { schema: {} } },
        },
        '202': { $ref: '#/components/responses/Queued' },
        '409': { description: 'It was cancelled', content: problem },
        ...failing,
        default: { description: 'What the service failed with', content: problem },
      },
    },
  },
  '/queue-items/{id}/events': {
    get: {
      operationId: 'followItem',
      summary: 'How an item stands, at once and after each change, until it has ended',
      tags,
      parameters: [
        id,
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'The last event that was seen: 204 where it was the end',
          schema: { type: 'string' },
        },
      ],
      responses: {
        '200': {
          description: 'Server-Sent Events `status`, each with a QueueItem as its data',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        '204': { description: 'The end was seen before' },
        ...failing,
      },
    },
  },
  '/healthz': {
    get: {
      operationId: 'getHealth',
      summary: 'The process lives',
      tags: ['node'],
      responses: { '200': { description: 'It does' } },
    },
  },
  '/readyz': {
    get: {
      operationId: 'getReadiness',
      summary: 'The database answers, so work can be taken in',
      tags: ['node'],
      responses: { '200': { description: 'It does' }, '503': { $ref: '#/components/responses/Busy' } },
    },
  },
} as const
