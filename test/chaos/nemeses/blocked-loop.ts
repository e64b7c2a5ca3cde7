import { setTimeout as delay } from 'node:timers/promises'
import type { WorkerNode } from '../worker-node.ts'

/** A handler that computes without a pause: the event loop of the node stands still for so long. */
export async function blockLoop(node: WorkerNode, ms: number): Promise<void> {
  node.send({ op: 'block', ms, clock: 'wall' })
  await delay(ms)
}
