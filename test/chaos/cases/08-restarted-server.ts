import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { restartServer } from '../nemeses/server-down.ts'
import { timeRecovery } from '../recovery.ts'

export const restartedServer: ChaosCase = {
  number: 8,
  name: 'PostgreSQL restarted with -m immediate, at random times',
  minutes: 10,
  shortSeconds: 30,
  leavesOut: 'the short form restarts every 5 to 10 s instead of every 5 to 40 s',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let restarts = 0
    let slowestMs = 0
    let steady = 0
    let steadyMs = 0
    await stage.underLoad(async (load) => {
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until || restarts < 2) {
        await restartServer(stage)
        restarts++
        slowestMs = Math.max(slowestMs, await timeRecovery(stage, load))
        await delay(2_000)
        const before = await run.sink.count()
        const from = performance.now()
        await delay(3_000 + (options.isShort ? 5_000 : 35_000) * stage.random())
        steady += (await run.sink.count()).ended - before.ended
        steadyMs += performance.now() - from
      }
    })
    const { figures } = await stage.close()
    return [
      atLeast('restarts', restarts, Math.max(2, Math.floor(options.seconds / (options.isShort ? 15 : 45)))),
      ...figures,
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      atMost('first accept and first end after the server is ready', slowestMs, 5_000, 'ms'),
      atLeast(
        'goodput between restarts',
        Math.round((steady / (stage.rate * (steadyMs / 1000))) * 100),
        95,
        '%',
      ),
    ]
  },
}
