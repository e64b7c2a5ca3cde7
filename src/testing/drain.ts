import { setTimeout as wait } from 'node:timers/promises'
import type { Events } from '../base/events.ts'
import type { Engine } from '../engine/engine.ts'
import { readOpenItems, type OpenItem } from '../store/open-items.ts'

/** How often to look where no settle says that something has changed: another process may be at work. */
const pollMs = 50

/** Waits until the database holds nothing that waits for the nodes; the database says it, so it is true of all nodes. */
export async function untilDrained(engine: Engine, events: Events, timeoutMs: number): Promise<void> {
  const { driver, schema } = engine.database
  const scopes = Array.from(engine.definitions.values(), ({ id, orderScope, order }) => ({
    id,
    scope: orderScope,
    strict: order === 'strict',
  }))
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const settled = nextSettle(events)
    try {
      const began = performance.now()
      const open = await readOpenItems(driver, schema, scopes)
      if (open.length === 0) return
      if (performance.now() >= deadline) throw new Error(describe(open, timeoutMs))
      // With many items a look takes its time; most of it is left to the nodes.
      await Promise.all([settled.promise, wait(2 * (performance.now() - began))])
    } finally {
      settled.cancel()
    }
  }
}

/** Listens before the look, so that a settle between the look and the wait is not missed. */
function nextSettle(events: Events): { promise: Promise<void>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, pollMs)
  const stop = events.listen((name) => {
    if (name === 'settle.done') resolve()
  })
  return {
    promise,
    cancel: () => {
      clearTimeout(timer)
      stop()
    },
  }
}

function describe(open: readonly OpenItem[], timeoutMs: number): string {
  const kinds = Map.groupBy(open, (item) => `${item.definition} (${item.state})`)
  const told = [...kinds].map(([kind, items]) => `${items.length} of ${kind}`)
  return `After ${timeoutMs} ms there are still open items: ${told.join(', ')}`
}
