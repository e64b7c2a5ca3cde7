import type { Figures } from '../engine/queue-figures.ts'
import { z } from './schema.ts'

export const nodeShape = z.object({
  name: z.string(),
  bootId: z.string(),
  types: z.array(z.string()),
  version: z.string(),
  startedAt: z.date(),
  leaseUntil: z.date(),
  isAlive: z.boolean(),
  queues: z.array(z.string()).describe('Whose items it runs'),
  partitions: z.number().describe('How many it owns'),
  running: z.number(),
  memoryMb: z.number().optional().describe('Of its process'),
  cpu: z.number().optional().describe('Of one processor: 0.5 is half of it'),
})

export function toNodeDocuments({ nodes, queues }: Figures): z.infer<typeof nodeShape>[] {
  const names = new Map(queues.map(({ queue, name }) => [queue, name]))
  return nodes.map(({ report, owned, startedAt, leaseUntil, queues: numbers, ...node }) => ({
    name: node.name,
    bootId: node.bootId,
    types: [...node.types],
    version: node.version,
    startedAt: new Date(startedAt),
    leaseUntil: new Date(leaseUntil),
    isAlive: node.isAlive,
    queues: numbers.flatMap((number) => names.get(number) ?? []),
    partitions: owned,
    running: report?.running ?? 0,
    ...(report && { memoryMb: report.memoryMb, cpu: report.cpu }),
  }))
}
