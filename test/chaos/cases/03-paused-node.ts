import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost } from '../figure.ts'
import { pauseNode } from '../nemeses/paused-node.ts'
import { timeUntil, type Stage } from '../stage.ts'

/** Two leases, or three: another node has run items by then, so that what the paused one does is stale. */
const shortPauseMs = 16_000
const pauseMs = 24_000
/** How long some items take that are under way when a node is paused. */
const longMs = 2_000
/** How long the items take whose settle is held back. */
const heldMs = 6_000

export const pausedNode: ChaosCase = {
  number: 3,
  name: 'SIGSTOP of a node for three leases, then SIGCONT beside one of its name; what it sends held back as long',
  minutes: 14,
  shortSeconds: 18,
  // So that a frozen node has handlers under way, and failures that it would write down late.
  // A sink that refuses nothing: its handlers go on, and what they ended is settled too late as well.
  settings: { workMs: 40, failing: 0.1, sinkRefuses: false },
  leavesOut: 'in the short form a pause is two leases',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    const ms = options.isShort ? shortPauseMs : pauseMs
    let pauses = 0
    await stage.underLoad(async () => {
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until) {
        await pauseBesideTwin(stage, ms)
        pauses++
      }
    })
    let late = 0
    // On a busy machine it may come too late to hold anything.
    for (let tries = 0; tries < 3 && late === 0; tries++) late = await holdBack(stage)
    const { figures } = await stage.close()
    const { old, longestZombieMs } = run.check().figures
    return [
      atLeast('pauses', pauses, Math.max(1, Math.floor((options.seconds * 1000) / (ms + 12_000)))),
      atLeast('stale effects attempted', old, pauses),
      atLeast('settles that were held back until others had the partitions', late, 1),
      ...figures,
      atMost('zombie starts items after it was woken for', longestZombieMs, 1_000, 'ms'),
    ]
  },
}

/** Whoever watches over nodes takes it for dead and starts another of its name; then it wakes. */
async function pauseBesideTwin(stage: Stage, ms: number): Promise<void> {
  const { run } = stage
  const node = stage.anyNode()
  // However little comes in, it has some under way.
  let count = 0
  await run.load.send(30, () => `long-${run.everyNode.length}-${count++}`, { ms: longMs })
  await delay(longMs / 4)
  const pausing = pauseNode(node, ms)
  // Awaited below, unless the twin does not start.
  pausing.catch(() => {})
  await delay(ms / 3)
  await run.startNode({ label: node.label })
  await pausing
  await run.isBalanced(20_000).catch(() => {})
  await node.terminate()
}

/**
 * The network holds back what a node settles, and delivers it while the next owner runs the same items: half of these fail, so
 * that what the two would write differs. @returns how many settles came late
 */
async function holdBack(stage: Stage): Promise<number> {
  const { run } = stage
  const { proxy, url } = await stage.openNetwork()
  const node = await run.startNode({ database: url })
  await run.isBalanced(20_000)
  await run.reaches(run.load.accepted.length, 60_000)
  const others = run.nodes.filter((other) => other !== node)
  const taken = (): number => others.reduce((sum, other) => sum + other.count('partition.acquired'), 0)
  await stage.markFault(node.name)
  let count = 0
  await run.load.send(120, () => `held-${run.everyNode.length}-${count++}`, { ms: heldMs, failing: 0.5 })
  // They are indexed, and none has ended. With the first settle and not earlier: what polls takes the connections that there are.
  await delay(heldMs / 2)
  const before = taken()
  proxy.holdFrom('settle')
  await timeUntil(20_000, () => taken() > before)
  await delay(heldMs / 3)
  const late = proxy.holds('settle')
  proxy.heal()
  await run.isBalanced(20_000).catch(() => {})
  await node.terminate()
  return late
}
