import { setTimeout as delay } from 'node:timers/promises'
import type { WorkerNode } from '../worker-node.ts'

/** SIGSTOP, and SIGCONT after so long. */
export async function pauseNode(node: WorkerNode, ms: number): Promise<void> {
  await node.pause()
  await delay(ms)
  await node.resume()
}
