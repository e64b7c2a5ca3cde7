import { parseArgs } from 'node:util'
import type { PostgresVersion } from '../scripts/postgres.ts'
import type { Size } from './claim.ts'

const usage = `Usage: npm run bench -- [--rounds 3] [--only append|drain|drain-tracked|latency|http|http-cost|operate]… [--quick] [--write]
       [--rows 10000000]

  --rounds n        measures everything n times, both sides in alternation, and shows medians (3; quick: 1)
  --only claim      measures one claim; may be repeated. operate is measured only where it is named
  --rows n          tracked items that operate fills a database with (10000000; quick: 20000)
  --quick           few items: says that everything works, nothing about speed
  --write           writes the results into bench/README.md
  --postgres 15|18  the version to start (18), unless DATABASE_URL names a server whose role may create databases

Measures on a PostgreSQL of its own that commits to disk.`

export interface BenchOptions {
  readonly rounds: number
  readonly only: readonly string[]
  readonly size: Size
  readonly write: boolean
  readonly postgres: PostgresVersion
  readonly rows: number
}

/** Has no peer, and takes long: it is measured only when asked for. */
export const operateClaim = 'operate'

/** Reads the command line, or says how it is used and ends. */
export function readOptions(claims: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        only: { type: 'string', multiple: true, default: [...claims] },
        quick: { type: 'boolean', default: false },
        rows: { type: 'string' },
        write: { type: 'boolean', default: false },
        postgres: { type: 'string', default: '18' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      console.log(usage)
      process.exit(0)
    }
    const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
    if (!Number.isInteger(rounds) || rounds < 1)
      throw new Error(`--rounds is ${values.rounds}; give 1 or more.`)
    const rows = Number(values.rows ?? (values.quick ? 20_000 : 10_000_000))
    if (!Number.isInteger(rows) || rows < 1_000)
      throw new Error(`--rows is ${values.rows}; give 1000 or more.`)
    const unknown = values.only.find((name) => !claims.includes(name) && name !== operateClaim)
    if (unknown !== undefined)
      throw new Error(`There is no claim '${unknown}': they are ${[...claims, operateClaim].join(', ')}.`)
    if (values.postgres !== '15' && values.postgres !== '18')
      throw new Error(`--postgres is '${values.postgres}'; it is 15 or 18.`)
    if (values.write && values.quick)
      throw new Error('--write and --quick: quick figures say nothing about speed.')
    if (values.write && values.only.length < claims.length)
      throw new Error('--write and --only: the results are written together, from one run.')
    return {
      rounds,
      only: values.only,
      size: values.quick ? 'quick' : 'full',
      write: values.write,
      postgres: values.postgres === '15' ? 15 : 18,
      rows,
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}
