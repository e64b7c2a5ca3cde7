import { definitionId } from '../define/definition-options.ts'
import { readNodeApplications } from '../store/node-descriptions.ts'
import { applicationsShape, mergeApplications } from './application-document.ts'
import { nameOf } from './queue-document.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { toldApplications } from './told-application.ts'
import { readTold, toldNodeShape, type DescribedNode } from './told-nodes.ts'

/** The applications of all nodes: what they define, and what overrides what. */
export function applicationRoutes(parts: DescribedNode): OperatorRoute[] {
  const { database, figures, self } = parts
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/applications',
      role: 'observer',
      summary: 'The applications that nodes run, how they stack, and what overrides what.',
      output: applicationsShape.extend({
        nodes: z.array(toldNodeShape),
        others: z
          .array(
            z.object({
              kind: z.enum(['queue-processor', 'service']),
              name: z.string(),
              application: z.string(),
              queue: z.string().optional(),
            }),
          )
          .describe('Definitions that are in the database, and that none of these nodes has told of'),
      }),
      handle: async () => {
        const texts = await readNodeApplications(driver, schema)
        texts.set(self.bootId, self.describe().applications)
        const { nodes, told } = await readTold(parts, texts, toldApplications)
        const seen = await figures.read()
        const known = new Set(
          [...told.values()].flatMap((applications) =>
            applications.flatMap(({ definitions }) =>
              definitions.map(({ kind, name }) => definitionId(kind, name)),
            ),
          ),
        )
        const queues = new Map(seen.queues.map(({ queue, name }) => [queue, name]))
        return {
          nodes,
          ...mergeApplications(told),
          others: seen.definitions
            .filter(({ id }) => !known.has(id))
            .map(({ id, application, queue: number }) => {
              const queue = queues.get(number)
              return { ...nameOf(id), application, ...(queue !== undefined && { queue }) }
            }),
        }
      },
    }),
  ]
}
