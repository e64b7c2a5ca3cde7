import type { ChaosCase } from '../chaos-case.ts'
import type { Deed } from '../deeds.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { Poison, superviseNodes } from '../nemeses/poison.ts'
import { goodput } from '../stage.ts'
import { waitUntil } from '../wait-until.ts'

const nodes = 4
const share = 0.02
const maxAttempts = 2
const nevers = 2
/** The death that shows what ran, one that shows which, and three that are charged. */
const deathsOfOne = 5
/** One that never settles is waited for 35 s wherever it runs alone; one that holds the loop takes 45 s each time. */
const endMs = 300_000
const shortEndMs = 240_000

export const poison: ChaosCase = {
  number: 13,
  name: 'poison: 2 % of the items throw or reject; some never settle, and some end their process, fill its memory or hold its loop',
  minutes: 4,
  shortSeconds: 40,
  settings: { timeoutMs: 5_000, maxAttempts, heapMb: 256 },
  leavesOut:
    'what takes a node down is a handful and not a part of the 2 %, since each costs up to five nodes, and a lease each time; one that holds the loop only in the long form (45 s at a time, not for ever). One that never settles is not broken: it is told (item.stuck), and runs and keeps its slot until its node ends',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(nodes)
    const supervisor = superviseNodes(stage, nodes)
    const items = new Poison(stage)
    const killers: Deed[] = options.isShort
      ? ['exit', 'memory']
      : ['exit', 'memory', 'rejection', 'loop', 'kill', 'exit', 'memory']
    const dying = killers.filter((deed) => deed !== 'loop').length
    const given: Deed[] = []
    const report = await stage.underLoad(async () => {
      const everyMs = 500
      let strikes = 0
      await items.give(Array.from({ length: nevers }, (): Deed => 'never'))
      await stage.strike(everyMs, async () => {
        const count = Math.ceil((stage.rate * share * everyMs) / 1000)
        const batch = Array.from({ length: count }, (_, at): Deed => (at % 2 === 0 ? 'throw' : 'reject'))
        // All of the first third, one after the other.
        const next = killers[given.length]
        if (next && strikes++ % Math.ceil((options.seconds * 2) / 3 / killers.length) === 2) {
          given.push(next)
          batch.push(next)
        }
        await items.give(batch)
      })
    })
    const before = run.load.accepted.length
    await waitUntil(
      'all poison is broken',
      options.isShort ? shortEndMs : endMs,
      async () => (await items.standing()).open === 0,
    ).catch(() => {})
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    await supervisor.end()
    const at = await items.standing()
    const stuck = new Set(
      run.everyNode.flatMap(({ news }) =>
        news.flatMap(({ event, data }) => (event === 'item.stuck' ? [data['id']] : [])),
      ),
    )
    const deaths = run.everyNode.filter((node) => !node.isAlive).length
    return [
      atLeast('items that did harm', items.size, Math.floor(before * share * 0.6)),
      atLeast('items that took nodes down', given.length, killers.length),
      atLeast('nodes that died', deaths, dying * 3),
      ...figures,
      none('healthy items broken', standing.byState['broken'] ?? 0),
      none('attempts of healthy items that others used up', standing.tried),
      none('healthy items charged with a crash', at.charged),
      none('harmless to nodes, and charged with a crash', at.wrongly),
      none('not broken in the end', at.open),
      none('that never settle, and do not run', at.settled),
      none('that never settle, and were not told of', nevers - stuck.size),
      none('not found to crash their node', killers.length - at.found),
      atMost('attempts of one, most', at.mostAttempts, maxAttempts),
      atMost('crashes charged to one, most', at.mostCrashes, 3),
      atMost('nodes that died, at most', deaths, deathsOfOne * dying),
      // Of a short form what waits for a lease, or behind what is suspected, is a large part.
      goodput(report, options.isShort ? 45 : 80),
    ]
  },
}
