import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { killNode } from '../nemeses/killed-node.ts'
import { longestOwnerlessMs, watchOwners } from '../settle-watch.ts'
import { goodput } from '../stage.ts'

export const killedNode: ChaosCase = {
  number: 1,
  name: 'kill -9 of one of four nodes every 2 s',
  minutes: 5,
  shortSeconds: 24,
  leavesOut:
    'an orphaned item may lose its next owner too before it runs: what is held to 12 s is the time without an owner',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(4)
    await watchOwners(run)
    let kills = 0
    const report = await stage.underLoad(async () => {
      kills = await stage.strike(2_000, () => killNode(stage))
    })
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    const ownerlessMs = await longestOwnerlessMs(run)
    const { slowestRestartMs } = run.check({ restartMs: Infinity }).figures
    return [
      atLeast('kills', kills, Math.floor((options.seconds / 2) * 0.93)),
      ...figures,
      none('attempts that a kill used up', standing.tried),
      atMost('partition without an owner, longest', ownerlessMs, 12_000, 'ms'),
      told('orphaned item started again, slowest', slowestRestartMs, 'ms'),
      // Of a short form what is orphaned at its end, for the length of a lease, is a large part.
      goodput(report, options.isShort ? 45 : 70),
    ]
  },
}
