import { createNode, defineApplication, type Node } from '../../src/index.ts'
import { defineWork } from './node-process.ts'

/** A process with an embedded database: enqueues as fast as it can, and tells each id that it was given. */
export type EmbeddedNews =
  | { readonly kind: 'open' }
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'missing'; readonly ids: readonly string[] }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** Ids to look for, told once it is open. */
export interface EmbeddedOrder {
  readonly look: readonly string[]
}

const work = defineWork({ partitions: 2, concurrency: 1 })

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? '')

async function main(directory: string): Promise<void> {
  let node: Node
  try {
    const applications = [defineApplication({ name: 'chaos', definitions: [work] })]
    node = await createNode({ applications, database: 'embedded', directory, log: false })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    await tell({ kind: 'refused', code: String(code), message })
    process.exit(1)
  }
  process.on('disconnect', () => process.exit(1))
  const asked = new Promise<EmbeddedOrder>((resolve) =>
    process.once('message', (order: EmbeddedOrder) => resolve(order)),
  )
  await tell({ kind: 'open' })
  const missing: string[] = []
  for (const id of (await asked).look) if ((await node.item(id)) === undefined) missing.push(id)
  await tell({ kind: 'missing', ids: missing })
  for (let n = 1; ; n++) {
    const key = `e-${n % 100}`
    const batch = Array.from({ length: 1 + (n % 20) }, (_, at) => ({ key, n: n * 100 + at }))
    await tell({ kind: 'ids', ids: await node.enqueueMany(work, batch) })
  }
}

function tell(news: EmbeddedNews): Promise<void> {
  return new Promise((resolve) => process.send?.(news, () => resolve()))
}
