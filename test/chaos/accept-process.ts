import { createNode, defineApplication, isCoatcheckError, type Node, type Receipt } from '../../src/index.ts'
import type { ItemName } from './history.ts'
import { defineWork, type WorkSettings } from './node-process.ts'

/** A process that accepts and runs nothing, as a web node does: JSON in its first argument. */
export interface AcceptSettings extends WorkSettings {
  readonly database: string
}

/** Items to accept at the same time, each under its key. */
export interface AcceptOrder {
  readonly call: number
  readonly items: readonly UniqueItem[]
}

export interface UniqueItem {
  readonly uniqueKey: string
  readonly input: ItemName
}

/** What became of each: its receipt, or the code of the error. */
export type AcceptFate = Receipt | { readonly code: string }
export interface AcceptAnswer {
  readonly call: number
  readonly fates: readonly AcceptFate[]
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as AcceptSettings)

async function main(settings: AcceptSettings): Promise<void> {
  const work = defineWork(settings)
  const node = await createNode({
    applications: [defineApplication({ name: 'chaos', definitions: [work] })],
    database: settings.database,
    log: false,
  })
  process.on('disconnect', () => process.exit(1))
  process.on('message', ({ call, items }: AcceptOrder) => {
    void Promise.all(items.map((item) => accept(node, work, item))).then((fates) =>
      process.send?.({ call, fates } satisfies AcceptAnswer),
    )
  })
  process.send?.('ready')
}

async function accept(
  node: Node,
  work: ReturnType<typeof defineWork>,
  { uniqueKey, input }: UniqueItem,
): Promise<AcceptFate> {
  try {
    return await node.accept(work, input, { uniqueKey })
  } catch (error) {
    return { code: isCoatcheckError(error) ? error.code : String(error) }
  }
}
