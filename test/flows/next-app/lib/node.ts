import { createNode, type Node } from '../../../../src/index.ts'
import { hr } from './hr.ts'

// one for the process: Next loads this module more than once, and its dev server after each change
const place = globalThis as { coatcheck?: Promise<Node> }

/** The node of this process: made and started by whoever asks first. */
export function getNode(): Promise<Node> {
  place.coatcheck ??= startNode().catch((error: unknown) => {
    // who asks next tries again
    delete place.coatcheck
    throw error
  })
  return place.coatcheck
}

async function startNode(): Promise<Node> {
  const node = await createNode({
    applications: [hr],
    database: process.env['DATABASE_URL'],
    nodeTypes: ['background'],
    http: { basePath: '/integration' },
    auth: { apiKeys: true },
  })
  await node.start()
  return node
}
