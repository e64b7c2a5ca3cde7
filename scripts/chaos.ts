import './compile-cache.ts'
import { parseArgs } from 'node:util'
import { runCases } from '../test/chaos/case-command.ts'
import { runKills } from '../test/chaos/kill-command.ts'
import { runMutants } from '../test/chaos/mutant-command.ts'

const usage = `Usage: npm run chaos -- --case N [--case N]… | --all  [--minutes M] [--short] [--seed S] [--rate R] [--folder path] [--write]
       npm run chaos -- --mutants [--only name] [--folder path]
       npm run chaos -- [--kills 20] [--items 50000] [--keys 1000] [--failing 0.1] [--both] [--storm]
                        [--database url] [--folder path]

--case and --all play the cases of docs/reference/reliability.md, one after the other, each on a PostgreSQL 15 of its own
that commits to disk, print each figure beside the one it has to meet, and leave the histories in the folder; what is missed
ends with 1. --short plays the short forms; --rate sets the load instead of measuring it. --write puts the table into docs/reference/reliability.md.

--mutants breaks a copy of the sources in fourteen ways, one at a time, and plays the case that must notice it.

Without any of these: kills one of two nodes (SIGKILL) in the middle of so many keyed items, as often as asked, and checks the
history of each round. With --failing so many first attempts fail; with --both both nodes are killed. With --storm one of four
nodes is killed every two seconds while the items come in. --database names an empty database to use instead of one of its own.`

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: [] },
    all: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    short: { type: 'boolean', default: false },
    seed: { type: 'string' },
    rate: { type: 'string' },
    write: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    kills: { type: 'string', default: '20' },
    items: { type: 'string', default: '50000' },
    keys: { type: 'string', default: '1000' },
    database: { type: 'string' },
    failing: { type: 'string', default: '0' },
    both: { type: 'boolean', default: false },
    storm: { type: 'boolean', default: false },
    folder: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
process.exit(await main())

async function main(): Promise<number> {
  const { folder, seed, minutes } = values
  if (values.help) {
    console.log(usage)
    return 0
  }
  if (values.mutants) return runMutants({ folder, only: values.only, isWritten: values.write })
  if (values.all || values.case.length > 0)
    return runCases({
      numbers: values.all ? undefined : values.case.map(Number),
      minutes: minutes === undefined ? undefined : Number(minutes),
      isShort: values.short,
      seed: seed === undefined ? undefined : Number(seed),
      rate: values.rate === undefined ? undefined : Number(values.rate),
      folder,
      isWritten: values.write,
    })
  return runKills({
    kills: Number(values.kills),
    items: Number(values.items),
    keys: Number(values.keys),
    failing: Number(values.failing),
    both: values.both,
    storm: values.storm,
    database: values.database,
    folder,
  })
}
