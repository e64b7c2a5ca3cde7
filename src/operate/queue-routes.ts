import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Figures, QueueFigure } from '../engine/queue-figures.ts'
import { readPartitionStandings } from '../store/partition-standings.ts'
import { checkSeesAll } from './operator.ts'
import { queueShape, queueState, toQueueDocument } from './queue-document.ts'
import type { QueueParts } from './queue-parts.ts'
import { reasonSchema } from './reason.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { rangeQuery, readSeries, seriesShape } from './series.ts'

const partitionShape = z.object({
  partition: z.number(),
  generation: z.number(),
  owner: z.object({ node: z.string(), bootId: z.string() }).optional(),
  lag: z.number().describe('Items in its log that have not ended, those that run included'),
  watermark: z.number().describe('All positions before it are done'),
  lastEnqueuedAt: z.date().optional(),
  lastProcessedAt: z.date().optional(),
})

/** Queues: how they stand, and what operators do to them. */
export function queueRoutes(parts: QueueParts): OperatorRoute[] {
  const { database, definitions, figures, queues } = parts
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/queues',
      role: 'observer',
      summary: 'All queues, by name; figures are two seconds old at most, where much waits some more.',
      output: z.object({ items: z.array(queueShape) }),
      handle: async () => {
        const seen = await figures.read()
        return { items: seen.queues.map((queue) => toQueueDocument(queue, seen, definitions)) }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/queues/:name',
      role: 'observer',
      summary: 'A queue, its partitions, and what became of its items.',
      query: z.object({ range: rangeQuery }),
      output: queueShape.extend({
        partitionList: z.array(partitionShape),
        range: z.string(),
        series: seriesShape,
      }),
      handle: async ({ params, query }) => {
        const seen = await figures.read()
        const queue = queueNamed(seen, params['name'])
        const rows = await readPartitionStandings(driver, schema, queue.queue)
        const ended = endsOf(seen)
        return {
          ...toQueueDocument(queue, seen, definitions),
          partitionList: rows.map(({ owner, lastEnqueuedAt, ...row }) => {
            const report = ended.get(`${queue.queue}/${row.partition}`)
            const enqueuedAt = lastEnqueuedAt ?? report?.readAt
            return {
              ...row,
              ...(owner && { owner }),
              ...(enqueuedAt !== undefined && { lastEnqueuedAt: new Date(enqueuedAt) }),
              ...(report?.endedAt !== undefined && { lastProcessedAt: new Date(report.endedAt) }),
            }
          }),
          range: query.range,
          series: await readSeries(database, queue.queue, query.range, seen.at),
        }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/queues/:name/state',
      role: 'operator',
      summary: 'Pauses a queue, stops it, or lets it go on; on all nodes within two seconds.',
      body: z.object({ state: queueState, reason: reasonSchema }),
      handle: async ({ operator, params, body, audit }) => {
        checkSeesAll(operator)
        const { state } = body
        const act = { running: 'queue.start', paused: 'queue.pause', stopped: 'queue.stop' }[state]
        await queues.setState(readName(params), state, (before, name, runner) =>
          audit(
            {
              act,
              subject: 'queue',
              subjectId: name,
              before: { state: before.state },
              after: { state },
              reason: body.reason,
            },
            runner,
          ),
        )
        figures.forget()
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/queues/:name/restart',
      role: 'operator',
      summary: 'Tells what runs of a queue to end, and has it run again.',
      body: z.object({ reason: reasonSchema }),
      handle: async ({ operator, params, body, audit }) => {
        checkSeesAll(operator)
        await queues.restart(readName(params), (before, name, runner) =>
          audit(
            {
              act: 'queue.restart',
              subject: 'queue',
              subjectId: name,
              before: { state: before.state },
              after: { state: 'running' },
              reason: body.reason,
            },
            runner,
          ),
        )
        figures.forget()
      },
    }),
    defineRoute({
      method: 'PUT',
      path: '/queues/:name/concurrency',
      role: 'operator',
      summary: 'How many items of a queue each node runs at once; null: as its definitions say.',
      body: z.object({ perNode: z.number().int().min(1).max(10_000).nullable(), reason: reasonSchema }),
      handle: async ({ operator, params, body, audit }) => {
        checkSeesAll(operator)
        const { perNode } = body
        await queues.setConcurrency(readName(params), perNode ?? undefined, (before, name, runner) =>
          audit(
            {
              act: 'queue.concurrency',
              subject: 'queue',
              subjectId: name,
              before: { perNode: before.perNode ?? null },
              after: { perNode },
              reason: body.reason,
            },
            runner,
          ),
        )
        figures.forget()
      },
    }),
    defineRoute({
      method: 'PUT',
      path: '/queues/:name/partitions',
      role: 'administrator',
      summary: 'Gives a queue another number of partitions, while it is at work.',
      body: z.object({ partitions: z.number().int().min(1).max(4096), reason: reasonSchema }),
      output: z.object({ generation: z.number(), partitions: z.number(), changed: z.boolean() }),
      handle: async ({ operator, params, body, audit }) => {
        checkSeesAll(operator)
        const name = readName(params)
        const made = await parts.repartition(
          name,
          body.partitions,
          ({ partitions, generation, before }, runner) =>
            audit(
              {
                act: 'queue.partitions',
                subject: 'queue',
                subjectId: name,
                before: { partitions: before },
                after: { partitions, generation },
                reason: body.reason,
              },
              runner,
            ),
        )
        figures.forget()
        return { generation: made.generation, partitions: made.partitions, changed: made.changed }
      },
    }),
  ]
}

/** @throws CoatcheckError `UNKNOWN_QUEUE` */
export function queueNamed({ queues }: Figures, name: string | undefined): QueueFigure {
  const queue = queues.find((one) => one.name === name)
  if (queue) return queue
  throw new CoatcheckError('UNKNOWN_QUEUE', `there is no queue ${showValue(name)}`)
}

function readName(params: Readonly<Record<string, string>>): string {
  return params['name'] ?? ''
}

/** What living nodes say of their partitions. */
function endsOf({ nodes }: Figures) {
  return new Map(
    nodes.flatMap(({ isAlive, report }) =>
      isAlive && report ? report.partitions.map((one) => [`${one.queue}/${one.partition}`, one]) : [],
    ),
  )
}
