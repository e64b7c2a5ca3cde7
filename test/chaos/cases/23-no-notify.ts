import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { terminateListeners } from '../nemeses/lost-backend.ts'
import { percentile } from '../stage.ts'

export const noNotify: ChaosCase = {
  number: 23,
  name: 'connections that listen are ended again and again: polling is the truth',
  minutes: 1,
  shortSeconds: 20,
  async play(open) {
    const stage = await open()
    const { options } = stage
    await stage.prepare(3)
    let ended = 0
    let count = 0
    // So few that a node has nothing else to wake it.
    const pace = { rate: 10, keyOf: () => `poll-${count++}` }
    await stage.underLoad(async () => {
      await stage.strike(100, async () => {
        ended += await terminateListeners(stage)
      })
    }, pace)
    const { figures, standing } = await stage.close()
    const picked = stage.latencies(({ key }) => key.startsWith('poll-'))
    return [
      atLeast('connections ended', ended, options.seconds),
      atLeast('items', picked.length, options.seconds * 5),
      ...figures,
      none('attempts used up', standing.tried),
      atMost('from the accept to the start, p99', percentile(picked, 0.99), 1_500, 'ms'),
      atMost('the slowest', picked.at(-1) ?? Infinity, 5_000, 'ms'),
    ]
  },
}
