import { readAlerts, type AlertRow } from '../store/alerts.ts'
import { findAttention } from './attention.ts'
import { nodeShape, toNodeDocuments } from './node-document.ts'
import type { QueueParts } from './queue-parts.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { rangeQuery, readSeries, seriesShape } from './series.ts'

const severity = z.enum(['warning', 'critical'])

const alertShape = z.object({
  id: z.string(),
  rule: z.string(),
  subject: z.string(),
  severity,
  title: z.string(),
  since: z.date(),
  until: z.date().optional().describe('Unset while it is so'),
})

/** Alerts that were cleared and are shown all the same. */
const maxCleared = 200

/** What is going on: over all queues, on the nodes, and what needs attention. */
export function overviewRoutes({ database, figures }: QueueParts): OperatorRoute[] {
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/overview',
      role: 'observer',
      summary: 'What is going on over all queues, and what needs attention first.',
      query: z.object({ range: rangeQuery }),
      output: z.object({
        at: z.date(),
        range: z.string(),
        series: seriesShape,
        waiting: z.number().describe('Items that wait for their turn'),
        running: z.number(),
        oldestWaitingMs: z.number().optional(),
        attention: z.array(
          z.object({
            kind: z.enum(['alert', 'blocked-keys', 'stopped-queue', 'broken', 'node-lost']),
            severity,
            title: z.string(),
            detail: z.string(),
            href: z.string().describe('Where the console shows more of it'),
            since: z.date().optional(),
          }),
        ),
        nodes: z.array(nodeShape),
      }),
      handle: async ({ query }) => {
        const seen = await figures.read()
        const alerts = await readAlerts(driver, schema, 0, true)
        const ages = seen.queues.flatMap(({ oldestAgeMs }) =>
          oldestAgeMs === undefined ? [] : [oldestAgeMs],
        )
        const sum = (of: 'ready' | 'running'): number =>
          seen.queues.reduce((total, queue) => total + queue[of], 0)
        return {
          at: new Date(seen.at),
          range: query.range,
          series: await readSeries(database, 0, query.range, seen.at),
          waiting: sum('ready'),
          running: sum('running'),
          ...(ages.length > 0 && { oldestWaitingMs: Math.round(Math.max(...ages)) }),
          attention: findAttention(seen, alerts),
          nodes: toNodeDocuments(seen),
        }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/nodes',
      role: 'observer',
      summary: 'The nodes that run items, and those that died within a day.',
      output: z.object({ items: z.array(nodeShape) }),
      handle: async () => ({ items: toNodeDocuments(await figures.read()) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/alerts',
      role: 'observer',
      summary: 'What operators should know, and what was so until lately.',
      output: z.object({ items: z.array(alertShape) }),
      handle: async () => ({
        items: (await readAlerts(driver, schema, maxCleared, false)).map(toAlert),
      }),
    }),
  ]
}

function toAlert({ since, until, ...alert }: AlertRow) {
  return {
    ...alert,
    since: new Date(since),
    ...(until !== undefined && { until: new Date(until) }),
  }
}
