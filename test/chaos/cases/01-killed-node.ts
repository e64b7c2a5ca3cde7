import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told, type Figure } from '../figure.ts'
import { killNode } from '../nemeses/killed-node.ts'
import { longestOwnerlessMs, watchOwners } from '../settle-watch.ts'
import { goodput } from '../stage.ts'

export const killedNode: ChaosCase = {
  number: 1,
  name: 'kill -9 of one of four nodes every 2 s',
  minutes: 5,
  shortSeconds: 24,
  leavesOut:
    'an orphaned item may lose its next owner too before it runs: what is held to 12 s is the time without an owner. The nodes are processes of one machine, which see that one is gone; case 45 is without that',
  play: (open, options) => play(open, options, 70),
}

export const killedElsewhere: ChaosCase = {
  number: 45,
  name: 'as case 1, each node on a host of its own: only its lease tells that it is gone',
  minutes: 5,
  shortSeconds: 24,
  settings: { isElsewhere: true },
  leavesOut:
    'not of the bar. At this pace every partition is without an owner half of the time: what is done meanwhile is told, and held to 35 %',
  play: (open, options) => play(open, options, 35),
}

async function play(
  ...[open, options, leastGoodput]: [...Parameters<ChaosCase['play']>, leastGoodput: number]
): Promise<Figure[]> {
  const stage = await open()
  const { run } = stage
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
    // Of a short form what is orphaned at its end is a large part.
    goodput(report, options.isShort ? Math.min(45, leastGoodput) : leastGoodput),
  ]
}
