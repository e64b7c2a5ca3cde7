import { setTimeout as wait } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { renewLease } from '../store/nodes.ts'
import { createPgDriver } from '../store/pg-driver.ts'
import { heartbeatSlots, noteBeat, type HeartbeatOrder } from './heartbeat-order.ts'

/**
 * Renews the node's lease, off the main thread, so that a handler that computes for seconds does not lose it. It stops
 * renewing when the main thread's counter has not moved for 30 s: then the node is stuck, and others take over.
 */
const order = workerData as HeartbeatOrder
const shared = new Int32Array(order.shared)
const driver = createPgDriver({
  database: order.database,
  max: 1,
  // One that hangs in a dead network keeps the next one waiting, and with it the node once the network is back.
  connectTimeoutMs: 1_500,
  listen: false,
  preparedStatements: order.preparedStatements,
})
const statement = renewLease(order.schema)
const stuckAfterMs = 30_000
/** Where the whole process was frozen, this thread was too, and has not looked so often. */
const stuckAfterLooks = 10

const stopping = new AbortController()
let lastCount = -1
let movedAt = performance.now()
let looks = 0

parentPort?.on('message', () => {
  stopping.abort()
})

while (!stopping.signal.aborted) {
  const count = Atomics.load(shared, heartbeatSlots.mainCount)
  if (count !== lastCount) {
    lastCount = count
    movedAt = performance.now()
    looks = 0
  } else looks++
  let delayMs = order.intervalMs
  if (performance.now() - movedAt < stuckAfterMs) {
    const sentAt = Number((process.hrtime.bigint() - order.base) / 1_000_000n)
    try {
      const [row] = await driver.run(statement, [order.bootId, order.leaseMs], {
        timeoutMs: Math.floor(order.leaseMs / 2),
      })
      if (row) noteBeat(shared, sentAt, order.safeMs)
      else parentPort?.postMessage('forgotten')
    } catch {
      // Tried again soon; the main thread sees by the age of the last good one what that means.
      delayMs = 250
    }
  } else if (looks >= stuckAfterLooks) Atomics.store(shared, heartbeatSlots.stuck, 1)
  await wait(delayMs, undefined, { signal: stopping.signal }).catch(() => {})
}
await driver.close()
parentPort?.close()
