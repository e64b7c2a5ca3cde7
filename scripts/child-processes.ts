import { execFileSync, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

/** The processes that a process has begun, where the system can tell. */
export function childrenOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8', timeout: 10_000 })
  return lines
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []))
}

/** Those that have ended meanwhile are left out. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}

export function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null
}

/**
 * Ends a process and waits for it, whatever state it is in: what has not ended after so long is killed, which reaches a
 * stopped one too.
 * @returns whether it ended in time
 */
export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGKILL',
  graceMs = 10_000,
): Promise<boolean> {
  if (!isRunning(child)) return true
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const limit = new AbortController()
  const inTime = await Promise.race([
    ended.then(() => true),
    delay(graceMs, false, { signal: limit.signal }).catch(() => true),
  ])
  limit.abort()
  if (inTime) return true
  child.kill('SIGKILL')
  await ended
  return false
}
