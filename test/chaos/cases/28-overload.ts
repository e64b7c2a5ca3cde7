import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { watchMemory } from '../memory-watch.ts'
import { Rush } from '../rush.ts'
import { percentile, VoidRun, type Stage } from '../stage.ts'

const nodes = 2
const concurrency = 5
const workMs = 20
/** Items a second, at most: so little that the machine is not what is measured. */
const nominal = (nodes * concurrency * 1_000) / workMs
const maxWaiting = 400
const normalMs = 1_000
/** What waits is counted once a second, and known a second later: so long the nodes may go by what was. */
const seenAfterMs = 2_000

export const overload: ChaosCase = {
  number: 28,
  name: 'five times what the nodes can do, then half of it',
  minutes: 3,
  shortSeconds: 15,
  settings: { concurrency, maxWaiting },
  leavesOut: `the nodes are held to ${nominal} items/s and ${maxWaiting} waiting; refused with QUEUE_FULL by node.accept, not with 503 over HTTP`,
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    while (run.nodes.length < nodes) await run.startNode()
    await run.isBalanced(60_000)
    const capacity = await measure(stage)
    let most = 0
    let droppedAt = Infinity
    let roomAt = Infinity
    const memory = watchMemory(run)
    const rush = new Rush(run.load, workMs, options.endings)
    const looking = setInterval(() => {
      // What is counted here of those that ended is a little old: never too few that wait.
      const { length } = run.load.accepted
      void run.sink.count().then(
        ({ ended }) => {
          most = Math.max(most, length - ended)
          if (length - ended < maxWaiting && now() > droppedAt) roomAt = Math.min(roomAt, now())
        },
        () => {},
      )
    }, 50)
    options.endings.add('look at the backlog', () => clearInterval(looking))
    const before = rush.counts()
    await rush.go('many', capacity * 5, options.seconds * 1_000)
    droppedAt = now()
    const during = rush.counts()
    const halfMs = options.isShort ? 15_000 : 120_000
    await rush.go('few', capacity / 2, halfMs)
    const after = rush.counts()
    clearInterval(looking)
    await delay(100)
    const grownMb = memory.stop()
    const { figures, standing } = await stage.close()
    const late = stage
      .startsOf(({ key }) => key.startsWith('few-'))
      .filter(({ sentAt, startedAt }) => startedAt - sentAt > normalMs)
    const first = run.load.accepted.find(({ key }) => key.startsWith('few-'))
    const normalAgainMs = Math.max(
      (first?.acceptedAt ?? Infinity) - droppedAt,
      ...late.map(({ startedAt }) => startedAt - droppedAt),
    )
    const tooLate = rush.refusedAt.filter((at) => at > roomAt + seenAfterMs)
    const offered = during.accepted + during.refused - before.accepted
    return [
      atLeast('items offered', offered, Math.floor(capacity * 5 * options.seconds * 0.8)),
      atLeast('of them refused', during.refused, Math.floor(offered * 0.4)),
      atLeast(
        'items accepted at half',
        after.accepted - during.accepted,
        Math.floor(((capacity / 2) * halfMs * 0.6) / 1_000),
      ),
      ...figures,
      none('accepted and not succeeded', standing.open),
      none('refused otherwise than with QUEUE_FULL', rush.others),
      {
        ...none(`refused at half, ${seenAfterMs / 1_000} s after there was room`, tooLate.length),
        isTimed: true,
      },
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      // What comes in within two seconds may be taken beyond it: the count is as old as that.
      { ...atMost('items that waited, most', most, maxWaiting + 2 * 5 * capacity), isTimed: true },
      atMost(
        'a refusal, p95',
        percentile(
          rush.refusalMs.toSorted((a, b) => a - b),
          0.95,
        ),
        50,
        'ms',
      ),
      atMost(
        `until items are accepted and start within ${normalMs} ms again, after the drop`,
        normalAgainMs,
        120_000,
        'ms',
      ),
      atMost('memory of a node grew by', grownMb, 100, 'MB'),
      told('from the drop until there was room', roomAt - droppedAt, 'ms'),
      told(
        'p95 from the accept to the start, five times',
        percentile(
          stage.latencies(({ key }) => key.startsWith('many-')),
          0.95,
        ),
        'ms',
      ),
    ]
  },
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

/** Items a second that the nodes do now. @throws VoidRun where the machine keeps them from what they could */
async function measure({ run }: Stage): Promise<number> {
  const began = performance.now()
  let count = 0
  for (let sent = 0; sent < nominal * 2; sent += 50) {
    // So many that nobody is idle, and few enough to be taken.
    await run.reaches(sent - 200, 60_000)
    await run.load.send(50, () => `clean-${count++}`, { ms: workMs })
  }
  await run.reaches(count, 60_000)
  const rate = (count * 1_000) / (performance.now() - began)
  if (rate < nominal * 0.5)
    throw new VoidRun(
      `the nodes do ${Math.round(rate)} items/s, and could do ${nominal} on a machine with less to do`,
    )
  return rate
}
