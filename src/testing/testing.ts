import { toMs, type Duration } from '../base/duration.ts'
import type { Item } from '../define/item.ts'
import { createNode, engineOf, type Node } from '../node.ts'
import type { NodeOptions } from '../node/options.ts'
import { readAllItemIds } from '../store/open-items.ts'
import { readClock } from '../store/topology.ts'
import { advanceVirtualClock, installVirtualClock } from '../store/virtual-clock.ts'
import { untilDrained } from './drain.ts'

export interface TestNodeOptions extends NodeOptions {
  /** A `postgres://` URL or a `pg` pool; unless set, an embedded database in memory that goes with the node. */
  readonly database?: NodeOptions['database']
  /**
   * Unless set, a database in memory of the node's own. Starting one takes seconds: nodes that name the same, such as
   * `memory://tests`, share one, each in its own `schema`.
   */
  readonly directory?: string
  /** It listens nowhere unless set; `{ port: 0 }` takes a free port, which `node.url` tells. */
  readonly http?: NodeOptions['http'] & {}
  /** Whether it is started when it is given to you; true unless set. */
  readonly start?: boolean
}

export interface DrainOptions {
  /** When to give up; 20 seconds unless set. */
  readonly timeout?: Duration
}

/** A node with a clock that stands in your hand. Timeouts of handlers run by the real time all the same. */
export interface TestNode extends Node {
  /** Moves the clock forward. What is due then runs; {@link TestNode.drain} waits for it. */
  advance(by: Duration): Promise<void>
  /** The time by the node's clock. */
  now(): Promise<Date>
  /**
   * Waits until nothing more happens by itself: nothing is ready, running or held, and all that ended is settled. What
   * waits for a time, and is held behind such an item, stays where it is.
   * @throws Error that says what is open, when it takes too long
   */
  drain(options?: DrainOptions): Promise<void>
  /** All items that the node's schema knows, in the order of their acceptance. */
  items(): Promise<Item[]>
}

/** Nodes of one schema share its clock: all of them in this process are told when it moves. */
const alive = new Set<Node>()

/**
 * Makes and starts a node for tests: the real one, on an embedded database in memory unless you give it another, with a
 * clock that moves when you say so. Its schema must be one of its own, since its clock is replaced.
 * @example
 * const node = await createTestNode({ applications: [app] })
 * const id = await node.enqueue(remind, { employeeId: '42' }, { delay: '2 days' })
 * await node.advance('2 days')
 * await node.drain()
 * assert.equal((await node.item(id))?.state, 'succeeded')
 * await node.stop()
 */
export async function createTestNode(options: TestNodeOptions): Promise<TestNode> {
  const { start = true, ...given } = options
  const node = await createNode({
    ...(given.database === undefined ? { database: 'embedded', directory: 'memory://' } : {}),
    http: false,
    ...given,
  })
  const { driver, schema } = engineOf(node).database
  await installVirtualClock(driver, schema)
  const stop = node.stop.bind(node)
  const testNode: TestNode = Object.assign(node, {
    async advance(by: Duration): Promise<void> {
      await advanceVirtualClock(driver, schema, toMs(by, 'advance'))
      const others = [...alive].filter((other) => engineOf(other).database.schema === schema)
      await Promise.all([node, ...others].map((one) => engineOf(one).wake()))
    },
    now: async () => new Date(await readClock(driver, schema)),
    drain: (drainOptions: DrainOptions = {}) =>
      untilDrained(engineOf(node), node.events, toMs(drainOptions.timeout ?? 20_000, 'timeout')),
    async items(): Promise<Item[]> {
      const items: Item[] = []
      // One after the other: an embedded database has one connection, and what waits for it in vain fails.
      for (const id of await readAllItemIds(driver, schema)) {
        const item = await node.item(id)
        if (item) items.push(item)
      }
      return items
    },
    stop(): Promise<void> {
      alive.delete(node)
      return stop()
    },
  })
  alive.add(node)
  if (start) await node.start()
  return testNode
}
