import './compile-cache.ts'
import { globSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { startPgbouncer, type Pooler } from './pgbouncer.ts'
import { startPostgres, type Postgres, type PostgresVersion } from './postgres.ts'
import { runTestPass, type PassResult } from './test-pass.ts'

const usage = `Usage: npm test -- [--database pglite|15|18|pgbouncer]… [--name pattern] [file or folder]…

Runs test/**/*.test.ts on each database in turn: PGlite, PostgreSQL 15, PostgreSQL 18 (both from npm, started
and stopped here). Files that need no database run once, on the first. Only when asked for: pgbouncer, the tests of the road
on a PostgreSQL 15 behind the machine's PgBouncer in transaction mode, without prepared statements and without LISTEN.`

const databases = ['pglite', '15', '18']
const poolers = ['pgbouncer']
/** What is tested behind a pooler: the rooms that talk to the database by the road's own statements. */
const pooledRooms = ['engine', 'flows', 'stream', 'http', 'testing', 'tx']
/** Tests of what knows no database, starts its own, or, as the console, knows the API alone; see `isPure`. */
const pureRooms = ['types', 'layers', 'base', 'define', 'chaos', 'browser']

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => abort.abort(signal))

const { values, positionals } = readArguments()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const files = findTestFiles(positionals)
const results: PassResult[] = []
for (const [index, database] of values.database.entries()) {
  if (abort.signal.aborted) break
  const chosen = poolers.includes(database)
    ? files.filter(isPooled)
    : index === 0
      ? files
      : files.filter((file) => !isPure(file))
  if (chosen.length > 0) results.push(await runOn(database, chosen))
}
process.exitCode = report(results)

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        database: { type: 'string', multiple: true, default: databases },
        name: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const known = [...databases, ...poolers]
    const unknown = values.database.find((name) => !known.includes(name))
    if (unknown) throw new Error(`Unknown database '${unknown}': it is one of ${known.join(', ')}.`)
    return { values, positionals }
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  }
}

function refuse(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

/** A name that leads to no test fails: a typing error must not look like success. */
function findTestFiles(asked: readonly string[]): string[] {
  const roots = asked.length > 0 ? asked : ['test']
  const found = roots.flatMap((root) => {
    const stat = statSync(root, { throwIfNoEntry: false })
    const files = stat?.isDirectory() ? globSync(join(root, '**', '*.test.ts')).sort() : stat ? [root] : []
    return files.length > 0 ? files : refuse(`No test file at ${root}.`)
  })
  return [...new Set(found.map((file) => file.split(sep).join('/').replace(/^\.\//, '')))]
}

function isPure(file: string): boolean {
  return pureRooms.some((room) => file.includes(`test/${room}/`) || file.endsWith(`test/${room}.test.ts`))
}

function isPooled(file: string): boolean {
  return pooledRooms.some((room) => file.includes(`test/${room}/`))
}

function labelOf(database: string): string {
  if (database === 'pglite') return 'PGlite'
  return database === 'pgbouncer' ? 'PgBouncer' : `PostgreSQL ${database}`
}

async function runOn(database: string, chosen: readonly string[]): Promise<PassResult> {
  const label = labelOf(database)
  console.log(`\n${label}: ${chosen.length} test ${chosen.length === 1 ? 'file' : 'files'}\n`)
  let cluster: Postgres | undefined
  let pooler: Pooler | undefined
  try {
    const isPooler = poolers.includes(database)
    const version = isPooler ? 15 : (Number(database) as PostgresVersion)
    if (database !== 'pglite') cluster = await startPostgres({ version })
    if (cluster && isPooler) pooler = await startPgbouncer(cluster.url)
    const environment = environmentOf(cluster, pooler)
    return await runTestPass({ label, files: chosen, environment, name: values.name, signal: abort.signal })
  } catch (error) {
    return { label, passed: 0, failed: 0, flaky: [], problem: `could not run: ${describe(error)}` }
  } finally {
    await pooler?.stop()
    await cluster?.stop()
  }
}

function environmentOf(cluster: Postgres | undefined, pooler: Pooler | undefined): Record<string, string> {
  if (!cluster) return { COATCHECK_TEST_DATABASE: 'pglite' }
  return {
    COATCHECK_TEST_DATABASE: 'postgres',
    COATCHECK_TEST_URL: cluster.url,
    ...(pooler ? { COATCHECK_TEST_POOLER: pooler.url } : {}),
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} ${describe(error.cause)}`
}

function report(all: readonly PassResult[]): number {
  const passed = all.reduce((sum, result) => sum + result.passed, 0)
  const failed = all.reduce((sum, result) => sum + result.failed, 0)
  const problems = all.flatMap(({ label, problem }) => (problem ? [`${label} ${problem}`] : []))
  if (abort.signal.aborted) problems.push(`The run was ended by ${String(abort.signal.reason)}.`)
  if (passed + failed === 0) problems.push('No test ran.')
  console.log('')
  for (const { label, passed, failed } of all) console.log(`${label}: ${passed} passed, ${failed} failed`)
  for (const { label, flaky } of all)
    for (const file of flaky)
      console.log(`${label}: FLAKY ${file} failed beside others and passed alone. Mend it.`)
  for (const problem of problems) console.error(problem)
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 || problems.length > 0 ? 1 : 0
}
