import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { watchMemory } from '../memory-watch.ts'
import { killAllNodes } from '../nemeses/killed-node.ts'

export const herd: ChaosCase = {
  number: 21,
  name: '100,000 items due in the same second, all nodes killed before',
  minutes: 1,
  shortSeconds: 15,
  leavesOut: 'in the short form 10,000 items',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(2)
    const items = options.isShort ? 10_000 : 100_000
    const dueAt = performance.timeOrigin + performance.now() + options.seconds * 1000
    const now = (): number => performance.timeOrigin + performance.now()
    // A key each: delayed items of one key are ordered by when they are due, and these are all due at once.
    let count = 0
    for (let sent = 0; sent < items; sent += 500)
      await run.load.send(500, () => `due-${count++}`, {
        delayMs: Math.max(0, Math.ceil(dueAt - now())),
      })
    const handedOverInTime = now() < dueAt
    await killAllNodes(stage)
    await Promise.all([run.startNode(), run.startNode()])
    await delay(Math.max(0, dueAt - now() - 200))
    const memory = watchMemory(run)
    const { figures } = await stage.close({ restartMs: Infinity }, 180_000)
    const grownMb = memory.stop()
    const starts = firstStarts(run.sink.history(), 'due-')
    return [
      atLeast('items due in the same second', handedOverInTime ? starts.length : 0, items),
      ...figures,
      none('items that ran before they were due', starts.filter((at) => at < dueAt).length),
      atMost('last one started after it was due', Math.max(...starts.slice(-1)) - dueAt, 60_000, 'ms'),
      atMost('memory of a node grew by', grownMb, 200, 'MB'),
    ]
  },
}

function firstStarts(
  events: readonly { op: string; at: number; key?: string; n?: number }[],
  prefix: string,
): number[] {
  const first = new Map<string, number>()
  for (const { op, at, key, n } of events) {
    const name = `${key}#${n}`
    if (op === 'start' && key?.startsWith(prefix) && !first.has(name)) first.set(name, at)
  }
  return [...first.values()].toSorted((a, b) => a - b)
}
