import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { killBackend } from '../nemeses/lost-backend.ts'
import { timeRecovery } from '../recovery.ts'

export const killedBackend: ChaosCase = {
  number: 7,
  name: 'kill -9 of a PostgreSQL backend every 10 s: the server crashes and recovers',
  minutes: 3,
  shortSeconds: 24,
  async play(open) {
    // Only to see whether questions were left without an answer.
    const stage = await open({ behindNetwork: 'load' })
    const { run, options } = stage
    await stage.prepare(3)
    let kills = 0
    let asked = 0
    let slowestMs = 0
    await stage.underLoad(async (load) => {
      await stage.strike(options.isShort ? 8_000 : 10_000, async () => {
        // So that some question is under way just then.
        let isOver = false
        const asking = (async () => {
          while (!isOver) await run.load.send(20, () => `asked-${asked++}`)
        })()
        const isKilled = await killBackend(stage)
        isOver = true
        await asking
        if (!isKilled) return
        kills++
        slowestMs = Math.max(slowestMs, await timeRecovery(stage, load))
      })
    })
    const { figures } = await stage.close()
    return [
      atLeast('backends killed', kills, Math.max(2, Math.floor(options.seconds / 12))),
      atLeast('questions of the load left without an answer', stage.network.unanswered(), 1),
      ...figures,
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      atMost('first accept and first end after the server is ready', slowestMs, 5_000, 'ms'),
    ]
  },
}
