import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { endTestFiles, hungTestReports, openTestFiles } from './hung-tests.ts'

/** node:test fails a test after this time by itself. */
const testTimeoutMs = 120_000
/**
 * A test file that holds a server or a pool open keeps node:test waiting for ever: it falls silent. So does one that plays
 * several cases, until they are over. It is asked where it stands, ended, and counts as failed.
 */
const silenceMs = 6 * 60_000
const passTimeoutMs = 30 * 60_000

export interface TestPass {
  /** What the pass is called in the report. */
  label: string
  files: readonly string[]
  environment: Readonly<Record<string, string>>
  /** Only tests whose name matches. */
  name: string | undefined
  /** Ends the pass. */
  signal: AbortSignal
}

/** Files that failed in one pass and are given a second run. More of them than this is no chance. */
const maxAgain = 3

export interface PassResult {
  label: string
  passed: number
  failed: number
  /** Files that failed beside others and passed alone: each is a defect, of the test or of what it tests. */
  flaky: readonly string[]
  /** What went wrong beside failed tests, to follow the label in a sentence. */
  problem?: string
}

/**
 * Runs the files, and those that failed once more, one at a time: hundreds of tests of clocks and killed processes share a
 * machine here, and what only fails beside others is told apart from what is broken. It is reported by name, never kept quiet.
 */
export async function runTestPass(pass: TestPass): Promise<PassResult> {
  const { failedFiles, isAllKnown, ...first } = await runOnce(pass, 2)
  const result = { ...first, flaky: [] }
  const isFewAmongMany =
    isAllKnown && failedFiles.length <= maxAgain && pass.files.length > failedFiles.length
  if (first.problem !== undefined || failedFiles.length === 0 || !isFewAmongMany) return result
  console.log(`\n${pass.label}, once more and alone: ${failedFiles.join(', ')}\n`)
  const again = await runOnce({ ...pass, files: failedFiles }, 1)
  if (again.problem !== undefined || again.failed > 0 || again.passed === 0) return result
  return { ...result, passed: first.passed + first.failed, failed: 0, flaky: failedFiles }
}

/** Runs node:test once over the files, its output passed through, and reads the counts from its closing lines. */
async function runOnce(pass: TestPass, concurrency: number) {
  const name = pass.name === undefined ? [] : [`--test-name-pattern=${pass.name}`]
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${testTimeoutMs}`,
  ]
  const reports = await hungTestReports()
  const nodeOptions = [process.env['NODE_OPTIONS'], reports.nodeOptions].filter(Boolean).join(' ')
  const child = spawn(process.execPath, [...flags, ...name, ...pass.files], {
    env: { ...process.env, ...pass.environment, NODE_OPTIONS: nodeOptions },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that what hangs can be ended with all its children.
    detached: process.platform !== 'win32',
  })
  const watch = watchOver(child, pass.signal, async () => {
    const hung = openTestFiles(child.pid)
    if (hung.length === 0) return false
    const files = hung.map(({ file }) => file).join(', ')
    const why = await reports.describe(hung, pass.environment['COATCHECK_TEST_URL'])
    console.log(`\n${pass.label}: silent for ${silenceMs / 1000} s, so these are ended: ${files}\n${why}\n`)
    endTestFiles(hung)
    return true
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    process.stdout.write(chunk)
    watch.heard()
    output = (output + chunk).slice(-4_000_000)
  })
  const [code] = await once(child, 'close')
  watch.end()
  await reports.remove()
  // A child of a test that outlived its file would go on using the database.
  endGroup(child)
  const counts = readCounts(output)
  const empty = emptyFiles(output)
  // With a name pattern it is usual that a file has no test to run.
  const missing =
    pass.name === undefined && empty.length > 0 ? `found no test in ${empty.join(', ')}.` : undefined
  const problem = watch.reason() ?? problemOf(counts, code) ?? missing
  return {
    label: pass.label,
    passed: (counts?.passed ?? 0) - empty.length,
    failed: counts?.failed ?? 0,
    ...readFailures(output),
    ...(problem === undefined ? {} : { problem }),
  }
}

interface Counts {
  passed: number
  failed: number
}

/** Reads `ℹ pass N`, `ℹ fail N` and `ℹ cancelled N`, which the spec reporter ends with. */
function readCounts(output: string): Counts | undefined {
  const text = stripVTControlCharacters(output)
  const count = (word: string) => {
    const last = [...text.matchAll(new RegExp(`^ℹ ${word} (\\d+)$`, 'gm'))].at(-1)
    return last ? Number(last[1]) : undefined
  }
  const [passed, failed, cancelled] = [count('pass'), count('fail'), count('cancelled')]
  if (passed === undefined || failed === undefined || cancelled === undefined) return undefined
  return { passed, failed: failed + cancelled }
}

/** A file without a test is one passed test to node:test, named for the file; to us it is a mistake. */
function emptyFiles(output: string): string[] {
  const text = stripVTControlCharacters(output)
  return [...text.matchAll(/^✔ (\S+\.test\.ts) \([\d.]+ms\)$/gm)].map(([, file]) => file!)
}

/**
 * The reporter ends with each failed test and where it stands. One that stands in a suite of several files does not say which
 * of them it failed in: all is then as it was.
 */
function readFailures(output: string) {
  const text = stripVTControlCharacters(output)
  const closing = text.slice(text.lastIndexOf('✖ failing tests:'))
  const places = closing.startsWith('✖')
    ? [...closing.matchAll(/^test at (\S+?):\d+(?::\d+)?$/gm)].map(([, file]) => file!)
    : []
  return {
    failedFiles: [...new Set(places)],
    isAllKnown: places.every((file) => file.endsWith('.test.ts')),
  }
}

function problemOf(counts: Counts | undefined, code: unknown): string | undefined {
  if (!counts) return `ended with ${String(code)} before it could count its tests.`
  if (code !== 0 && counts.failed === 0) return `ended with ${String(code)} although no test failed.`
  return undefined
}

/** @param endHung ends the files that said nothing for too long, the first time; false where there is none to be found */
function watchOver(child: ChildProcess, signal: AbortSignal, endHung: () => Promise<boolean>) {
  let reason: string | undefined
  let isAgain = false
  const kill = (sentence: string) => {
    reason ??= sentence
    endGroup(child)
  }
  const stuck = (why: string) => {
    const open = openTestFiles(child.pid).map(({ file }) => file)
    const which = open.length > 0 ? ` Still running: ${open.join(', ')}.` : ''
    kill(`was killed: ${why}.${which} A server, pool or timer that a test left open does this.`)
  }
  const silent = async () => {
    const isFirst = !isAgain
    isAgain = true
    if (isFirst && (await endHung())) silence.refresh()
    else stuck(`it said nothing for ${silenceMs / 1000} s`)
  }
  const onAbort = () => kill('was interrupted.')
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const bound = setTimeout(
    () => stuck(`it took longer than ${passTimeoutMs / 60_000} minutes`),
    passTimeoutMs,
  )
  const silence = setTimeout(() => void silent(), silenceMs)
  return {
    heard: () => silence.refresh(),
    reason: () => reason,
    end: () => {
      clearTimeout(bound)
      clearTimeout(silence)
      signal.removeEventListener('abort', onAbort)
    },
  }
}

function endGroup(child: ChildProcess): void {
  try {
    if (process.platform === 'win32' || child.pid === undefined) child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group has ended already.
  }
}
