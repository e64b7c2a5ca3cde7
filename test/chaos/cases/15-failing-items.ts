import type { ChaosCase } from '../chaos-case.ts'
import { atLeast } from '../figure.ts'
import { killNode } from '../nemeses/killed-node.ts'

export const failingItems: ChaosCase = {
  number: 15,
  name: 'a fifth of first attempts fails, and nodes are killed: order of keys over retries',
  minutes: 2,
  shortSeconds: 20,
  settings: { failing: 0.2 },
  leavesOut: 'onBroken: block (its own tests)',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let kills = 0
    await stage.underLoad(async () => {
      kills = await stage.strike(options.isShort ? 7_000 : 10_000, () => killNode(stage))
    })
    if (!options.isShort) while (run.load.accepted.length < 100_000) await run.load.send(500, stage.anyKey)
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    const { accepted } = run.load
    return [
      atLeast('kills', kills, Math.max(2, Math.floor(options.seconds / 11))),
      atLeast('items', accepted.length, options.isShort ? 5_000 : 100_000),
      atLeast('items of more than one attempt', standing.tried, Math.floor(accepted.length * 0.15)),
      ...figures,
    ]
  },
}
