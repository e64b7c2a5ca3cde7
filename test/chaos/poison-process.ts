import { setTimeout as work } from 'node:timers/promises'
import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor } from '../../src/index.ts'
import { commit, deeds } from './deeds.ts'
import { SinkConnection } from './sink-connection.ts'

/** How such a process is to be: JSON in its first argument. */
export interface PoisonNodeSettings {
  readonly name: string
  /** A URL, or the directory of an embedded database. */
  readonly database: string
  readonly sink: string
  readonly workMs: number
}

const input = z.object({ key: z.string(), n: z.int(), keyed: z.boolean(), deed: z.enum(deeds).optional() })
export type PoisonInput = z.infer<typeof input>

/** Items of one definition have keys, those of the other have none. */
export const keyed = defineQueueProcessor({
  name: 'keyed',
  input,
  key: ({ key }) => key,
  concurrency: 50,
  dedicated: { partitions: 6 },
  retry: { maxAttempts: 5, initialDelay: '100 ms', factor: 1 },
})
export const free = defineQueueProcessor({
  name: 'free',
  input,
  concurrency: 50,
  dedicated: { partitions: 6 },
  retry: { maxAttempts: 5, initialDelay: '100 ms', factor: 1 },
})
/** Of this one an attempt is told to end after a second. */
export const hanging = defineQueueProcessor({
  name: 'hanging',
  input,
  concurrency: 50,
  dedicated: { partitions: 1 },
  timeout: '1 second',
})

if (process.argv[1] === import.meta.filename)
  await main(JSON.parse(process.argv[2] ?? '') as PoisonNodeSettings)

async function main(settings: PoisonNodeSettings): Promise<void> {
  const sink = await SinkConnection.open(settings.sink, settings.name)
  type Context = Parameters<Parameters<typeof keyed.process>[0]>[1]
  const handle = async ({ key, n, deed }: PoisonInput, ctx: Context): Promise<void> => {
    // Of the id the 12 bits after the version digit, and the 14 after the variant: those of one queue have nothing to do with another's.
    const queue = Number.parseInt(ctx.item.id.slice(19, 23), 16) & 0x3f_ff
    const partition = queue * 4096 + Number.parseInt(ctx.item.id.slice(15, 18), 16)
    const told = { key, n, attempt: ctx.attempt, token: ctx.token, partition }
    await sink.tell('start', told)
    if (deed === 'late' && ctx.attempt === 1) {
      await sink.tell('fail', told)
      throw new Error('It fails before it kills.')
    }
    if (deed) await commit(deed)
    await work(Math.random() * settings.workMs)
    await sink.tell('end', told)
  }
  const node = await createNode({
    applications: [
      defineApplication({
        name: 'poison',
        definitions: [keyed.process(handle), free.process(handle), hanging.process(handle)],
      }),
    ],
    ...(settings.database.startsWith('postgres')
      ? { database: settings.database }
      : { database: 'embedded', directory: settings.database }),
    nodeTypes: ['background'],
    name: settings.name,
    log: false,
    http: false,
  })
  node.events.listen((event, data) => {
    if (event === 'partition.mode' || event === 'item.crashed-node') process.send?.({ event, data })
  })
  process.on('SIGTERM', () => void node.stop().then(() => process.exit(0)))
  process.on('disconnect', () => process.exit(1))
  await node.start()
  process.send?.({ event: 'ready', data: { id: node.id } })
}
