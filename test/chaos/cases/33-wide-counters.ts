import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none } from '../figure.ts'
import { isEffect } from '../history.ts'
import { killNode } from '../nemeses/killed-node.ts'
import { lastSeq, readCounters, setCounters, type PartitionCounters } from '../nemeses/wide-counters.ts'
import type { Stage } from '../stage.ts'
import { waitUntil } from '../wait-until.ts'

/** Flushes until the last row of each partition is taken. */
const lastFlushes = 40
/** Owners that there can be until 2^53; each start of a node and each kill needs a few. */
const lastEpochs = 1_000

export const wideCounters: ChaosCase = {
  number: 33,
  name: 'rows and tokens that pass 2^31, then those up to 2^53: load, and kill -9 of nodes',
  minutes: 1,
  shortSeconds: 10,
  settings: { failing: 0.05 },
  leavesOut: `a position is the number of a row · 4,096 + its index, so rows go up to 2^41 - 1, and tokens begin ${lastEpochs} before 2^53; statistics of 10^8 rows and attempts beyond 2^31 are not tried`,
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await setCounters(stage, { seq: 2 ** 31 - 5, epoch: 2 ** 31 - 5 })
    await stage.prepare(3)
    let kills = 0
    await stage.underLoad(async () => {
      kills += await stage.strike(options.seconds * 450, () => killNode(stage))
    })
    const passed = await readCounters(await rested(stage))
    await Promise.all(run.nodes.map((node) => node.terminate()))

    await setCounters(stage, { seq: lastSeq - lastFlushes + 1, epoch: Number.MAX_SAFE_INTEGER - lastEpochs })
    for (let flush = 0; flush < lastFlushes; flush++) {
      if (flush === lastFlushes / 4) await Promise.all([run.startNode(), run.startNode(), run.startNode()])
      if (flush === lastFlushes / 2) {
        await killNode(stage)
        kills++
      }
      await run.load.send(500, stage.anyKey)
    }
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    const ended = await readCounters(stage)
    const tokens = new Set(run.sink.history().flatMap((event) => (isEffect(event) ? [event.token] : [])))
    const shown = new Set([...tokens].map(String))
    const inDatabase = new Set(ended.map(({ epoch }) => epoch))
    return [
      atLeast('kills', kills, 3),
      atLeast(
        'partitions whose rows passed 2^31',
        passed.filter(({ last }) => Number(last) > 2 ** 31).length,
        6,
      ),
      atLeast(
        'rows of a partition at the end, least',
        Math.min(...ended.map(({ last }) => Number(last))),
        lastSeq,
      ),
      atLeast('tokens, highest', Math.max(...tokens), Number.MAX_SAFE_INTEGER - lastEpochs),
      ...figures,
      none(
        'partitions whose progress is not up to their last row, digit by digit',
        [...passed, ...ended].filter(isBehind).length,
      ),
      none(
        'tokens that are no exact numbers',
        [...tokens].filter((token) => !Number.isSafeInteger(token)).length,
      ),
      none(
        'tokens that the database has otherwise',
        [...inDatabase].filter((epoch) => !shown.has(epoch)).length,
      ),
      none('ids given twice', run.load.accepted.length - new Set(run.load.accepted.map(({ id }) => id)).size),
      none('ids that are not found as they were given', standing.byState['untracked'] ?? 0),
      none('items broken', standing.byState['broken'] ?? 0),
      none(
        'nodes that said that something failed',
        run.everyNode.filter((node) => node.count('problem') > 0).length,
      ),
    ]
  },
}

/** When all has ended and is settled, and its progress is written. */
async function rested(stage: Stage): Promise<Stage> {
  // Where it does not come to it, the figures say so.
  await stage.run.finish(60_000).catch(() => {})
  await waitUntil(
    'the progress is written',
    20_000,
    async () => !(await readCounters(stage)).some(isBehind),
  ).catch(() => {})
  return stage
}

function isBehind({ last, watermark, done }: PartitionCounters): boolean {
  const next = String((BigInt(last) + 1n) * 4096n)
  return watermark !== next || done !== `{[0,${next})}`
}
