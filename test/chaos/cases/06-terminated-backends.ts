import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none } from '../figure.ts'
import { terminateBackend } from '../nemeses/lost-backend.ts'
import { gapAtMost, goodput } from '../stage.ts'

export const terminatedBackends: ChaosCase = {
  number: 6,
  name: 'pg_terminate_backend of any connection, two a second',
  minutes: 1,
  shortSeconds: 20,
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let terminated = 0
    const during = await stage.underLoad(async () => {
      terminated = await stage.strike(500, () => terminateBackend(stage))
    })
    const after = await stage.underLoad(() => delay(options.isShort ? 5_000 : 60_000))
    const { figures, standing } = await stage.close()
    return [
      atLeast('connections ended', terminated, Math.floor(options.seconds * 2 * 0.8)),
      ...figures,
      none('attempts that a lost connection used up', standing.tried),
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      gapAtMost(during, 1_000),
      { ...goodput(after, 90), what: 'goodput in the time after' },
    ]
  },
}
