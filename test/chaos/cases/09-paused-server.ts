import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { watchMemory } from '../memory-watch.ts'
import { pauseServer } from '../nemeses/server-down.ts'
import { timeRecovery } from '../recovery.ts'

const pauseMs = 30_000

export const pausedServer: ChaosCase = {
  number: 9,
  name: 'PostgreSQL stopped (SIGSTOP) for 30 s',
  minutes: 1.5,
  shortSeconds: 30,
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let pauses = 0
    let slowestMs = 0
    const memory = watchMemory(run)
    const report = await stage.underLoad(async (load) => {
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until - pauseMs / 2) {
        await pauseServer(stage, pauseMs)
        pauses++
        slowestMs = Math.max(slowestMs, await timeRecovery(stage, load))
      }
    })
    const grownMb = memory.stop()
    const { figures } = await stage.close()
    return [
      atLeast('pauses', pauses, Math.max(1, Math.floor((options.seconds * 1000) / pauseMs / 1.6))),
      ...figures,
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      atMost('longest accept that was refused', report.load.longestRefusalMs, 5_500, 'ms'),
      atMost('memory of a node grew by', grownMb, 100, 'MB'),
      atMost('first accept and first end after the server goes on', slowestMs, 10_000, 'ms'),
    ]
  },
}
