import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { childrenOf, signalAll } from './child-processes.ts'

/** Until a process has written its report, also one that computes without end. */
const reportMs = 5_000
const databaseMs = 5_000

interface HungTest {
  pid: number
  file: string
}

/** The test files whose processes a runner waits for, where the system can tell. */
export function openTestFiles(runner: number | undefined): HungTest[] {
  if (runner === undefined || process.platform === 'win32') return []
  try {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8', timeout: 10_000 })
    return lines.split('\n').flatMap((line) => {
      const [, pid, parent] = /^\s*(\d+)\s+(\d+)\s/.exec(line) ?? []
      const file = /\S+\.test\.ts/.exec(line)?.[0]
      return Number(parent) === runner && file ? [{ pid: Number(pid), file }] : []
    })
  } catch {
    return []
  }
}

/** Ends them with what they have begun; node:test counts each as failed, and goes on. */
export function endTestFiles(hung: readonly HungTest[]): void {
  signalAll(
    hung.flatMap(({ pid }) => [...descendantsOf(pid), pid]),
    'SIGKILL',
  )
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])
}

/**
 * Lets processes tell where they stand when asked by SIGUSR2: their stack, and what keeps them alive. Whoever was not started with
 * its flags would be ended by that signal.
 */
export async function hungTestReports() {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-hung-'))
  return {
    nodeOptions: `--report-on-signal --report-signal=SIGUSR2 --report-exclude-network --report-exclude-env --report-directory=${folder}`,
    /** What they wait for, and what the database does meanwhile. */
    async describe(hung: readonly HungTest[], databaseUrl: string | undefined): Promise<string> {
      const sessions = databaseUrl === undefined ? [] : await sessionsOf(databaseUrl)
      signalAll(
        hung.map(({ pid }) => pid),
        'SIGUSR2',
      )
      await delay(reportMs)
      const names = await readdir(folder)
      const texts = hung.map(async ({ pid, file }) => {
        const name = names.find((one) => one.includes(`.${pid}.`))
        const text = name === undefined ? silentSummary : summary(await readFile(join(folder, name), 'utf8'))
        return `${file}: process ${pid} ${text}`
      })
      return [...(await Promise.all(texts)), ...sessions].join('\n')
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Node writes a report between two turns of a loop, or never. */
const silentSummary = 'does not say where it stands: it computes without end, or has been stopped'

interface Report {
  javascriptStack?: { message?: string; stack?: string[] }
  libuv: { type: string; is_active?: boolean; is_referenced?: boolean; [other: string]: unknown }[]
}

function summary(text: string): string {
  const { javascriptStack, libuv } = JSON.parse(text) as Report
  const alive = libuv.filter((handle) => handle.is_active && handle.is_referenced)
  return [
    `waits ${javascriptStack?.message ?? ''}`,
    ...(javascriptStack?.stack ?? []).map((line) => `  ${line}`),
    ...alive.map((handle) => `  open: ${JSON.stringify({ ...handle, address: undefined })}`),
  ].join('\n')
}

async function sessionsOf(url: string): Promise<string[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: databaseMs,
    query_timeout: databaseMs,
  })
  try {
    await client.connect()
    const { rows } = await client.query<{ line: string }>(
      `select format('session %s: %s, %s %s, since %s, blocked by %s: %s', pid, coalesce(state, backend_type), wait_event_type, wait_event,
         date_trunc('second', clock_timestamp() - state_change), pg_blocking_pids(pid), left(query, 300)) as line
       from pg_stat_activity where pid <> pg_backend_pid() and backend_type <> 'autovacuum launcher'`,
    )
    return rows.map(({ line }) => line)
  } catch (error) {
    return [`the database does not say what it does: ${String(error)}`]
  } finally {
    await client.end().catch(() => {})
  }
}
