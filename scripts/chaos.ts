import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ChaosRun, usualSettings } from '../test/chaos/chaos-run.ts'
import { killRounds, problemsOf, type Round } from '../test/chaos/kill-rounds.ts'
import { killStorm } from '../test/chaos/kill-storm.ts'
import { startPostgres } from './postgres.ts'

const usage = `Usage: npm run chaos -- [--kills 20] [--items 50000] [--keys 1000] [--failing 0.1] [--all] [--storm]
                        [--database url] [--folder path]

Kills one of two nodes (SIGKILL) in the middle of so many keyed items, as often as asked, and checks the history of
each round: nothing lost, nothing out of order, never two of a key at once, and only so much again as may run again.
With --failing so many first attempts fail; with --all both nodes are killed. With --storm one of four nodes is killed
every two seconds while the items come in, and what counts beside is how long a partition has no owner.
Starts a PostgreSQL 15 that commits to disk; --database names an empty one to use instead.`

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    items: { type: 'string', default: '50000' },
    keys: { type: 'string', default: '1000' },
    database: { type: 'string' },
    failing: { type: 'string', default: '0' },
    all: { type: 'boolean', default: false },
    storm: { type: 'boolean', default: false },
    folder: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const settings = {
  kills: Number(values.kills),
  items: Number(values.items),
  keys: Number(values.keys),
  all: values.all,
}
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-chaos-')))
await mkdir(folder, { recursive: true })
/** What is to be ended, the last one first. */
const endings: (() => Promise<void>)[] = []
// The nodes end with this process; the server would stay.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void end().finally(() => process.exit(2)))
const database = values.database ?? (await startServer())
const run = await ChaosRun.start({ ...usualSettings, database, failing: Number(values.failing) }, folder)
endings.push(() => run.stop())
const rounds: Round[] = []
let problems = 0
try {
  if (values.storm) problems = await weather()
  else
    for await (const round of killRounds(run, settings)) {
      rounds.push(round)
      problems += report(round)
    }
} finally {
  await end()
}
if (!values.storm) summarize()
process.exit(problems > 0 ? 1 : 0)

async function startServer(): Promise<string> {
  const server = await startPostgres({ version: 15, durable: true })
  endings.push(() => server.stop())
  return server.url
}

async function end(): Promise<void> {
  for (const ending of endings.toReversed()) await ending().catch((error: unknown) => console.error(error))
}

function report(round: Round): number {
  const { figures } = round.verdict
  const found = problemsOf(round)
  console.log(
    `round ${rounds.length}: ${round.seconds.toFixed(1)} s, killed after ${round.endedAtKill} of ${figures.accepted} items, ` +
      `${figures.reruns} again, the last open one after ${(figures.slowestRestartMs / 1000).toFixed(1)} s, ` +
      `${found.length} violations`,
  )
  for (const { kind, text } of found.slice(0, 10)) console.log(`  ${kind}: ${text}`)
  return found.length
}

/** Takeovers that meet takeovers: a partition may be without an owner for the lease and the time to notice it. */
async function weather(): Promise<number> {
  const { verdict, longestOwnerlessMs } = await killStorm(run, { ...settings, nodes: 4, everyMs: 2_000 })
  const { losses, accepted, attempts, reruns, mostRerunsOfALoss } = verdict.figures
  console.log(
    `${losses} kills, ${accepted} items, ${attempts} attempts, ${reruns} again (${mostRerunsOfALoss} after one kill at most), ` +
      `no owner for ${Math.round(longestOwnerlessMs)} ms at most (may be 12000), ${verdict.violations.length} violations`,
  )
  for (const { kind, text } of verdict.violations.slice(0, 10)) console.log(`  ${kind}: ${text}`)
  console.log(`history ${folder}`)
  return verdict.violations.length + (longestOwnerlessMs > 12_000 ? 1 : 0)
}

function summarize(): void {
  const figures = rounds.map((round) => round.verdict.figures)
  const count = (kind: string): number =>
    rounds.flatMap((round) => problemsOf(round)).filter((problem) => problem.kind === kind).length
  const { concurrency, maxUnsettled } = usualSettings
  console.log(`
kills                              ${figures.reduce((sum, one) => sum + one.losses, 0)}
items accepted                     ${figures.reduce((sum, one) => sum + one.accepted, 0)}
lost                               ${count('lost')}
out of order                       ${count('reordered')}
two of a key at once               ${count('overlapping')}
accepted with an old token         ${count('stale')}
run again without a reason         ${count('repeated')}
run again after a kill, at most    ${Math.max(...figures.map((one) => one.mostRerunsOfALoss))} (may be ${concurrency + maxUnsettled})
open item started again, slowest   ${Math.max(...figures.map((one) => one.slowestRestartMs))} ms (may be 12000)
violations in all                  ${problems}
histories                          ${folder}`)
}
