import {
  countedAnswers,
  followedAnswers,
  itemProblems,
  problemAnswer,
  refusals,
  type Access,
} from './openapi-answers.ts'
import { exampleId } from './openapi-parts.ts'
import { problemOf } from './problem.ts'

const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id of the queue item, as the ticket has it',
  schema: { type: 'string', format: 'uuid', examples: [exampleId] },
} as const
const wait = {
  name: 'wait',
  in: 'query',
  description: 'How long to wait until the item has ended, such as `20s`; at most 60 s',
  schema: { type: 'string', examples: ['20s'] },
} as const
const lastEvent = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The last event that was seen, which browsers send by themselves: 204 where it was the end',
  schema: { type: 'string' },
} as const
const tags = ['queue items']
const queued = { '202': { $ref: '#/components/responses/Queued' } } as const
const waitInvalid = { '422': { $ref: '#/components/responses/WaitInvalid' } } as const
const item = { 'application/json': { schema: { $ref: '#/components/schemas/QueueItem' } } } as const
const anyProblem = { default: { $ref: '#/components/responses/Problem' } } as const
const retryAfter = { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } } as const

/** What can be done with a queue item. */
export function itemPaths(access: Access): object {
  const counted = (answers: Parameters<typeof countedAnswers>[0]) => countedAnswers(answers, access.isLimited)
  const getItem = {
    operationId: 'getItem',
    summary: 'The status of a queue item',
    description:
      'Whether the request waits, runs or has ended, how often it was tried, and when. With `wait` the answer comes when it has ended or the wait is over.',
    tags,
    parameters: [id, wait],
    responses: {
      ...counted({
        '200': { description: 'The status, whatever became of the item', headers: retryAfter, content: item },
      }),
      ...itemProblems,
      ...waitInvalid,
      ...refusals(access, false),
      ...anyProblem,
    },
  }
  const cancelItem = {
    operationId: 'cancelItem',
    summary: 'Cancel a queue item',
    description:
      'One that has not begun never runs. One that runs is told to stop; its status says what becomes of it.',
    tags,
    parameters: [id],
    responses: {
      ...queued,
      ...counted({
        '204': { description: 'It is cancelled: it never ran, or was cancelled before' },
        '409': problemAnswer(
          'It had ended otherwise',
          problemOf(
            'ACT_REFUSED',
            `item ${exampleId} is succeeded; only what has not ended can be cancelled`,
          ),
        ),
      }),
      ...itemProblems,
      ...refusals(access, true),
      ...anyProblem,
    },
  }
  const getResult = {
    operationId: 'getResult',
    summary: 'The result of a queue item',
    description:
      'What the service answers, success or problem, once there is something: exactly what a call that waits would have been answered. Until then 202. An answer without `Coatcheck-Item-State` is about the item, and not from the service. Where the service names secret places, 403 to who did not hand it over and is no administrator.',
    tags,
    parameters: [id, wait],
    responses: {
      ...queued,
      ...counted({
        '200': {
          description:
            'The output of the service; it may choose another status and media type, and 204 says that there is no output',
          headers: { 'Coatcheck-Item-State': { $ref: '#/components/headers/ItemState' } },
          content: { 'application/json': { schema: {} } },
        },
        '409': problemAnswer(
          'It was cancelled, so there is no result',
          problemOf('ITEM_CANCELLED', `item ${exampleId} was cancelled (operator); it has no result`),
        ),
      }),
      ...itemProblems,
      ...waitInvalid,
      ...refusals(access, true),
      ...anyProblem,
    },
  }
  const followItem = {
    operationId: 'followItem',
    summary: 'The status of a queue item as it changes',
    description:
      'A stream of Server-Sent Events: the status at once and after each change, until the item has ended. Made for `EventSource` and `curl -N`.',
    tags,
    parameters: [id, lastEvent],
    responses: {
      ...counted({
        '200': {
          description: 'Events `status`, each with a QueueItem as its data',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        '204': { description: 'The end was seen before' },
      }),
      ...itemProblems,
      ...refusals(access, false),
      ...anyProblem,
    },
  }
  return {
    '/queue-items/{id}': { get: getItem, delete: cancelItem },
    '/queue-items/{id}/result': { get: getResult },
    '/queue-items/{id}/events': { get: followItem },
  }
}

function statusOf(properties: object): object {
  const schema = { type: 'object', required: Object.keys(properties), properties }
  return { 'application/json': { schema } }
}

/** What everybody may ask of the node, without credentials and as often as they like. */
export const nodePaths = {
  '/healthz': {
    get: {
      operationId: 'getHealth',
      summary: 'Whether the process is alive',
      description: 'For what restarts a process that hangs. It says nothing of the database.',
      tags: ['node'],
      security: [],
      responses: followedAnswers({
        '200': { description: 'It is', content: statusOf({ status: { type: 'string', enum: ['alive'] } }) },
      }),
    },
  },
  '/readyz': {
    get: {
      operationId: 'getReadiness',
      summary: 'Whether the node can take work in',
      description: 'For load balancers: it can while the database answers.',
      tags: ['node'],
      security: [],
      responses: followedAnswers({
        '200': {
          description: 'It can',
          content: statusOf({
            status: { type: 'string', enum: ['ready'] },
            durability: {
              type: 'string',
              description: '`development`: the embedded database, which may lose writes in a power cut',
              enum: ['durable', 'development'],
            },
          }),
        },
        '503': problemAnswer(
          'It cannot just now: the database does not answer',
          problemOf('DATABASE_UNREACHABLE', 'the database did not answer; nothing can be taken in'),
          retryAfter,
        ),
      }),
    },
  },
} as const
