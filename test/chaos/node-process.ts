import { setTimeout as work } from 'node:timers/promises'
import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor } from '../../src/index.ts'
import type { EventName } from '../../src/index.ts'
import { SinkConnection } from './sink-connection.ts'

/** How a node process is to be: JSON in its first argument. */
export interface NodeSettings {
  readonly name: string
  readonly database: string
  readonly sink: string
  readonly concurrency: number
  readonly maxUnsettled: number
  /** A handler takes this long at most; each a random part of it. */
  readonly workMs: number
  /** Share of first attempts that fail. */
  readonly failing: number
  readonly partitions: number
  readonly stopTimeoutMs: number
}

/** What it is told over IPC. */
export type NodeOrder =
  /** Hold the event loop for so many milliseconds, of the clock or of processor time (which stands still while frozen). */
  { readonly op: 'block'; readonly ms: number; readonly clock: 'wall' | 'processor' }

/** What it tells: that it is ready, and what its node's events say. */
export interface NodeNews {
  readonly event: 'ready' | EventName
  readonly data: Record<string, unknown>
}

/** `ms`: its handler takes just so long; `deaf`: whatever its signal says. */
export const itemInput = z.object({
  key: z.string(),
  n: z.int(),
  ms: z.number().optional(),
  deaf: z.boolean().optional(),
})
type ItemInput = z.infer<typeof itemInput>

/** The queue processor that the load client enqueues for, and the node processes run. */
export function defineWork(settings: Pick<NodeSettings, 'partitions' | 'concurrency'>) {
  return defineQueueProcessor({
    name: 'chaos',
    input: itemInput,
    key: (input) => input.key,
    concurrency: settings.concurrency,
    dedicated: { partitions: settings.partitions },
    retry: { maxAttempts: 5, initialDelay: '100 ms', factor: 1 },
  })
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as NodeSettings)

async function main(settings: NodeSettings): Promise<void> {
  const sink = await SinkConnection.open(settings.sink, settings.name)
  const processor = defineWork(settings).process(async (input: ItemInput, ctx) => {
    const told = { ...input, attempt: ctx.attempt, token: ctx.token, partition: partitionOf(ctx.item.id) }
    await sink.tell('start', told)
    try {
      const { signal } = input.deaf ? {} : ctx
      await work(input.ms ?? Math.random() * settings.workMs, undefined, { signal })
      if (ctx.attempt === 1 && Math.random() < settings.failing) throw new Error('This attempt fails.')
    } catch (error) {
      await sink.tell('fail', told)
      throw error
    }
    await sink.tell('end', told)
  })
  const node = await createNode({
    applications: [defineApplication({ name: 'chaos', definitions: [processor] })],
    database: settings.database,
    nodeTypes: ['background'],
    name: settings.name,
    maxUnsettled: settings.maxUnsettled,
    stopTimeout: settings.stopTimeoutMs,
  })
  node.events.listen((event, data) => {
    if (event !== 'settle.done') tell(event, data)
  })
  process.on('SIGTERM', () => {
    void node.stop().then(() => {
      sink.close()
      process.exit(0)
    })
  })
  process.on('message', (order: NodeOrder) => {
    block(order)
  })
  // An orchestrator that is gone leaves no node behind.
  process.on('disconnect', () => process.exit(1))
  await node.start()
  tell('ready', { id: node.id })
}

function tell(event: NodeNews['event'], data: object): void {
  const plain = Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  )
  process.send?.({ event, data: plain } satisfies NodeNews)
}

function describe(error: Error): string {
  return `${'code' in error ? `${String(error.code)} ` : ''}${error.message}`
}

/** Holds the event loop, as a handler that computes does. */
function block({ ms, clock }: NodeOrder): void {
  const now = (): number => (clock === 'wall' ? performance.now() : process.cpuUsage().user / 1000)
  const until = now() + ms
  while (now() < until);
}

/** The 12 bits after the version digit of the id. */
function partitionOf(id: string): number {
  return Number.parseInt(id.slice(15, 18), 16)
}
