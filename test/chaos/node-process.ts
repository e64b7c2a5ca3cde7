import { hash } from 'node:crypto'
import { setTimeout as work } from 'node:timers/promises'
import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor } from '../../src/index.ts'
import type { EventName, HandlerContext } from '../../src/index.ts'
import { commit, deadly, deeds, type Deed } from './deeds.ts'
import { SinkConnection } from './sink-connection.ts'

/** How a node process is to be: JSON in its first argument. */
export interface NodeSettings {
  readonly name: string
  /** What the node is called to itself. */
  readonly label: string
  readonly database: string
  readonly sink: string
  readonly concurrency: number
  readonly maxUnsettled: number
  /** A handler takes this long at most; each a random part of it. */
  readonly workMs: number
  /** Share of first attempts that fail. */
  readonly failing: number
  readonly partitions: number
  /** What the sink is told as the partition: a number of the key's, where items change their partitions; that of the id unless set. */
  readonly fencedByKey?: boolean
  readonly stopTimeoutMs: number
  /** How many nodes the process has, each with a name of its own to the sink and the database: `name`, `name.1` … One unless given. */
  readonly nodes?: number
  /** Items that may wait; as many as the engine lets unless given. */
  readonly maxWaiting?: number
  /** Of an attempt; those of the engine unless given. */
  readonly timeoutMs?: number
  /** 5 unless given. */
  readonly maxAttempts?: number
  /** Behind a pooler of transactions: no named statements, and no LISTEN. */
  readonly isPooled?: boolean
  /** A host name of its own, as on another machine: nobody can see whether its process is there. Takes root. */
  readonly isElsewhere?: boolean
  /** Of the process, in MB; what the system has unless given. */
  readonly heapMb?: number
  /** Where its log goes; to that of whoever started it unless given. */
  readonly logFile?: string
}

/** What it is told over IPC. */
export type NodeOrder =
  /** Hold the event loop for so many milliseconds, of the clock or of processor time (which stands still while frozen). */
  | { readonly op: 'block'; readonly ms: number; readonly clock: 'wall' | 'processor' }
  /** The process's clock jumps to so far from the right time. */
  | { readonly op: 'clock'; readonly offsetMs: number }

/** What it tells: that a node is made, that it is ready, and what its events say. */
export interface NodeNews {
  /** The node's name. */
  readonly of: string
  readonly event: 'made' | 'ready' | EventName
  readonly data: Record<string, unknown>
}

/** `ms`: its handler takes just so long; `deaf`: whatever its signal says; `failing`: how likely its first attempt fails; `deed`: it does that instead. */
export const itemInput = z.object({
  key: z.string(),
  n: z.int(),
  ms: z.number().optional(),
  deaf: z.boolean().optional(),
  failing: z.number().optional(),
  deed: z.enum(deeds).optional(),
})
type ItemInput = z.infer<typeof itemInput>

/** What the definition is made of; the same for who enqueues and who runs. */
export type WorkSettings = Pick<
  NodeSettings,
  'partitions' | 'concurrency' | 'maxWaiting' | 'timeoutMs' | 'maxAttempts'
>

/** The queue processor that the load client enqueues for, and the node processes run. */
export function defineWork(settings: WorkSettings) {
  const { maxWaiting, timeoutMs } = settings
  return defineQueueProcessor({
    name: 'chaos',
    input: itemInput,
    key: (input) => input.key,
    concurrency: settings.concurrency,
    dedicated: { partitions: settings.partitions, ...(maxWaiting === undefined ? {} : { maxWaiting }) },
    ...(timeoutMs === undefined ? {} : { timeout: `${timeoutMs} ms` as const }),
    retry: { maxAttempts: settings.maxAttempts ?? 5, initialDelay: '100 ms', factor: 1 },
  })
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as NodeSettings)

async function main(settings: NodeSettings): Promise<void> {
  const { name, nodes = 1 } = settings
  const names = Array.from({ length: nodes }, (_, at) => (at === 0 ? name : `${name}.${at}`))
  const running = await Promise.all(names.map((one) => makeNode({ ...settings, name: one })))
  process.on('SIGTERM', () => {
    void Promise.all(running.map((one) => one.stop())).then(() => process.exit(0))
  })
  process.on('message', (order: NodeOrder) => {
    if (order.op === 'block') block(order)
    else process.env['CHAOS_CLOCK_OFFSET_MS'] = String(order.offsetMs)
  })
  // An orchestrator that is gone leaves no node behind.
  process.on('disconnect', () => process.exit(1))
  await Promise.all(running.map((one) => one.start()))
}

async function makeNode(settings: NodeSettings): Promise<{ start(): Promise<void>; stop(): Promise<void> }> {
  const { name } = settings
  const sink = await SinkConnection.open(settings.sink, name)
  const processor = defineWork(settings).process((input: ItemInput, ctx) =>
    input.deed ? commitAlone(input.deed, sink) : run(input, ctx, sink, settings),
  )
  const database = new URL(settings.database)
  // So that its connections can be told from others.
  database.searchParams.set('application_name', name)
  const node = await createNode({
    applications: [defineApplication({ name: 'chaos', definitions: [processor] })],
    database: database.href,
    nodeTypes: ['background'],
    name: settings.label,
    maxUnsettled: settings.maxUnsettled,
    stopTimeout: settings.stopTimeoutMs,
    ...(settings.isPooled ? { preparedStatements: false } : {}),
  })
  tell(name, 'made', { id: node.id })
  node.events.listen((event, data) => {
    if (event !== 'settle.done') tell(name, event, data)
  })
  return {
    start: async () => {
      await node.start()
      tell(name, 'ready', { id: node.id })
    },
    stop: async () => {
      await node.stop()
      sink.close()
    },
  }
}

async function run(
  input: ItemInput,
  ctx: HandlerContext,
  sink: SinkConnection,
  settings: NodeSettings,
): Promise<void> {
  const told = {
    ...input,
    attempt: ctx.attempt,
    token: ctx.token,
    partition: settings.fencedByKey ? numberOf(input.key) : partitionOf(ctx.item.id),
  }
  await sink.tell('start', told)
  try {
    const { signal } = input.deaf ? {} : ctx
    await work(input.ms ?? Math.random() * settings.workMs, undefined, { signal })
    if (ctx.attempt === 1 && Math.random() < (input.failing ?? settings.failing))
      throw new Error('This attempt fails.')
  } catch (error) {
    await sink.tell('fail', told)
    throw error
  }
  await sink.tell('end', told)
}

/** What it does to the process is on record before. */
function commitAlone(deed: Deed, sink: SinkConnection): Promise<void> {
  if (deadly.has(deed)) return sink.mark('kill').then(() => commit(deed))
  if (deed === 'loop') return sink.mark('fault').then(() => commit(deed))
  return commit(deed)
}

function tell(of: string, event: NodeNews['event'], data: object): void {
  const plain = Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  )
  process.send?.({ of, event, data: plain } satisfies NodeNews)
}

function describe(error: Error): string {
  return `${'code' in error ? `${String(error.code)} ` : ''}${error.message}`
}

/** Holds the event loop, as a handler that computes does. */
function block({ ms, clock }: { ms: number; clock: 'wall' | 'processor' }): void {
  const now = (): number => (clock === 'wall' ? performance.now() : process.cpuUsage().user / 1000)
  const until = now() + ms
  while (now() < until);
}

function numberOf(key: string): number {
  return Number.parseInt(hash('sha256', key, 'hex').slice(0, 12), 16)
}

/** The 12 bits after the version digit of the id. */
function partitionOf(id: string): number {
  return Number.parseInt(id.slice(15, 18), 16)
}
