import { setTimeout as delay } from 'node:timers/promises'
import { childrenOf, signalAll } from '../../../scripts/child-processes.ts'
import type { Stage } from '../stage.ts'

/** pg_ctl -m immediate restart: no goodbye, then recovery. */
export async function restartServer(stage: Stage): Promise<void> {
  await stage.markFault()
  await stage.server.restart()
}

/** SIGSTOP of the server and all its backends, SIGCONT after so long. */
export async function pauseServer(stage: Stage, ms: number): Promise<void> {
  await stage.markFault()
  const pids = [stage.server.pid, ...childrenOf(stage.server.pid)]
  signalAll(pids, 'SIGSTOP')
  try {
    await delay(ms)
  } finally {
    signalAll(pids, 'SIGCONT')
  }
}
