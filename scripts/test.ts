import { globSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres, type Postgres, type PostgresVersion } from './postgres.ts'
import { runTestPass, type PassResult } from './test-pass.ts'

const usage = `Usage: npm test -- [--database pglite|15|18]… [--name pattern] [file or folder]…

Runs test/**/*.test.ts on each database in turn: PGlite, PostgreSQL 15, PostgreSQL 18 (both from npm, started
and stopped here). Files that need no database run once, on the first.`

const databases = ['pglite', '15', '18']
/** Tests of what knows no database; see `isPure`. */
const pureRooms = ['types', 'layers', 'base', 'define']

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
  const chosen = index === 0 ? files : files.filter((file) => !isPure(file))
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
    const unknown = values.database.find((name) => !databases.includes(name))
    if (unknown) throw new Error(`Unknown database '${unknown}': it is one of ${databases.join(', ')}.`)
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

async function runOn(database: string, chosen: readonly string[]): Promise<PassResult> {
  const label = database === 'pglite' ? 'PGlite' : `PostgreSQL ${database}`
  console.log(`\n${label}: ${chosen.length} test ${chosen.length === 1 ? 'file' : 'files'}\n`)
  let cluster: Postgres | undefined
  try {
    if (database !== 'pglite') cluster = await startPostgres({ version: Number(database) as PostgresVersion })
    const environment = cluster
      ? { COATCHECK_TEST_DATABASE: 'postgres', COATCHECK_TEST_URL: cluster.url }
      : { COATCHECK_TEST_DATABASE: 'pglite' }
    return await runTestPass({ label, files: chosen, environment, name: values.name, signal: abort.signal })
  } catch (error) {
    return { label, passed: 0, failed: 0, problem: `could not run: ${describe(error)}` }
  } finally {
    await cluster?.stop()
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
  for (const problem of problems) console.error(problem)
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 || problems.length > 0 ? 1 : 0
}
