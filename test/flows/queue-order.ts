import type { Node } from '../../src/index.ts'
import { signal } from './order-watch.ts'

/** Does something to a queue, and waits until the node goes by it. */
export async function order(node: Node, state: string, give: () => Promise<unknown>): Promise<void> {
  const { promise, give: learned } = signal()
  const stop = node.events.listen((name, data) => {
    if (name === 'queue.state' && 'state' in data && data.state === state) learned()
  })
  await give()
  await promise
  stop()
}
