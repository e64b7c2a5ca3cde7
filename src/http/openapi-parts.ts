/** The parts of the description that are the same for every node. */

/** The id in all examples. */
export const exampleId = '0199f3a1-5d2e-8001-8001-5f3c9a2b1000'

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
    description: 'An id of yours to find the request by: kept with the item, given on, and answered back',
    schema: { type: 'string', maxLength: 200, examples: ['order-4711'] },
  },
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description: 'An id of this request alone: kept with the item, and answered back',
    schema: { type: 'string', maxLength: 200, examples: ['r-4711'] },
  },
  TraceParent: {
    name: 'traceparent',
    in: 'header',
    description: 'The trace that the request belongs to (W3C Trace Context)',
    schema: {
      type: 'string',
      examples: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    },
  },
} as const

/** Where the node offers callbacks. */
export const callbackParameters = {
  CallbackUrl: {
    name: 'Callback-URL',
    in: 'header',
    description:
      'Where to post the outcome when the queued request has ended; also as `Prefer: callback; url="…"`. 422 where it must not be called',
    schema: { type: 'string', format: 'uri', examples: ['https://example.com/ended'] },
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
  ContentLocation: {
    description: 'Where the same answer is found again',
    schema: { type: 'string', format: 'uri-reference' },
  },
  CorrelationId: {
    description:
      'What the request is found by: its `X-Correlation-Id`, else its `X-Request-Id`, else a new id',
    schema: { type: 'string' },
  },
  RequestId: { description: 'The one of the request, where it had one', schema: { type: 'string' } },
  TraceParent: { description: 'The one of the request, where it had one', schema: { type: 'string' } },
} as const

/** Where callers have to sign in. */
export const signInHeaders = {
  WwwAuthenticate: {
    description: 'How to sign in, and what was wrong with the credentials that were sent (RFC 6750)',
    schema: { type: 'string', examples: ['Bearer realm="coatcheck"'] },
  },
} as const

/** Where callers have a limit (draft-ietf-httpapi-ratelimit-headers-10). */
export const limitHeaders = {
  RateLimitPolicy: {
    description: 'How many requests the caller may send (`q`) in how many seconds (`w`)',
    schema: { type: 'string', examples: ['"node";q=600;w=60'] },
  },
  RateLimit: {
    description: 'How many of them are left (`r`), for how many seconds (`t`)',
    schema: { type: 'string', examples: ['"node";r=599;t=41'] },
  },
} as const

const time = { type: 'string', format: 'date-time' } as const
const exampleLinks = {
  self: `/queue-items/${exampleId}`,
  result: `/queue-items/${exampleId}/result`,
  events: `/queue-items/${exampleId}/events`,
}

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
      retryAfterMs: {
        type: 'integer',
        description: 'After how many milliseconds it makes sense to ask again',
      },
      'violated-policies': {
        type: 'array',
        description: 'Of a 429: the limits that were reached',
        items: { type: 'string' },
      },
    },
  },
  Links: {
    type: 'object',
    required: ['self', 'result', 'events'],
    properties: {
      self: { type: 'string', format: 'uri-reference', description: 'The status' },
      result: { type: 'string', format: 'uri-reference', description: 'The result, once there is one' },
      events: { type: 'string', format: 'uri-reference', description: 'The status as it changes' },
    },
  },
  State: {
    type: 'string',
    description:
      'Open: `ready` waits for its turn, `running` is being worked on, `scheduled` waits for a time or its next attempt, `held` waits behind an item of its key that is broken, `deferred` was put aside by a person. Ended: `succeeded`, `broken` (it failed for good), `cancelled`.',
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
    examples: [{ id: exampleId, state: 'ready', links: exampleLinks }],
  },
  QueueItem: {
    type: 'object',
    required: ['id', 'state', 'application', 'queue', 'key', 'attempts', 'enqueuedAt', 'links'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      state: { $ref: '#/components/schemas/State' },
      service: { type: 'string', description: 'What runs it, where that is a service' },
      processor: { type: 'string', description: 'What runs it, where that is a queue processor' },
      application: { type: 'string' },
      queue: { type: 'string' },
      key: { type: ['string', 'null'], description: 'Items of one key run one after the other' },
      attempts: {
        type: 'integer',
        description: 'How often it was tried: attempts that have ended, and the one that runs',
      },
      enqueuedAt: time,
      startedAt: time,
      endedAt: time,
      dueAt: { ...time, description: 'When its next attempt may begin' },
      progress: { description: 'What the handler last said of how far it is' },
      error: {
        $ref: '#/components/schemas/Problem',
        description: 'What its last attempt failed with',
      },
      reason: {
        type: 'string',
        description: 'Why it was cancelled',
        enum: ['operator', 'superseded', 'expired'],
      },
      redacted: {
        type: 'array',
        items: { type: 'string' },
        description:
          'JSON Pointers to what reads ••• here: it may hold a secret, and is for whoever handed the item over and for administrators',
      },
      correlationId: { type: 'string', description: 'The X-Correlation-Id of its request' },
      links: { $ref: '#/components/schemas/Links' },
    },
    examples: [
      {
        id: exampleId,
        state: 'succeeded',
        service: 'hire-worker',
        application: 'hr',
        queue: 'standard',
        key: null,
        attempts: 1,
        enqueuedAt: '2026-01-31T12:00:00.000Z',
        startedAt: '2026-01-31T12:00:00.020Z',
        endedAt: '2026-01-31T12:00:03.120Z',
        links: exampleLinks,
      },
    ],
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
    // the receiver tells by the signature that it comes from here; its caller's key is nothing for it
    security: [],
    parameters: [
      {
        name: 'webhook-id',
        in: 'header',
        required: true,
        description: 'One for each ending, the same each time it is sent: what repeats are told by',
        schema: { type: 'string', format: 'uuid' },
      },
      {
        name: 'webhook-timestamp',
        in: 'header',
        required: true,
        description: 'When this attempt was made, in seconds since 1970',
        schema: { type: 'integer' },
      },
      {
        name: 'webhook-signature',
        in: 'header',
        required: true,
        description: '`v1,` and a signature for each secret, parted by blanks',
        schema: { type: 'string' },
      },
      {
        name: 'traceparent',
        in: 'header',
        required: true,
        description: 'A new span in the trace of the request (W3C Trace Context)',
        schema: { type: 'string' },
      },
    ],
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
                    description:
                      'There where the result was too long to go along, or has NUL or half a surrogate pair in a text; its link leads to it',
                  },
                },
              },
            },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken: it is not sent again' },
      '410': { description: 'Not wanted: it is not sent again' },
      default: { description: 'It is sent again, some times within some days' },
    },
  },
} as const
