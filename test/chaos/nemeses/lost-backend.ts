import { readFileSync } from 'node:fs'
import { adminName, askAdmin } from '../admin.ts'
import type { Stage } from '../stage.ts'

const ours = `application_name <> '${adminName}' and backend_type = 'client backend'`

/** pg_terminate_backend of any connection, of a node or of the load. */
export async function terminateBackend(stage: Stage): Promise<boolean> {
  const rows = await askAdmin(
    stage.server.url,
    `select pg_terminate_backend(pid) as ended from pg_stat_activity where ${ours} order by random() limit 1`,
  )
  return rows[0]?.['ended'] === true
}

/** kill -9 of any backend: the server ends all others, recovers from its log and comes back. */
export async function killBackend(stage: Stage): Promise<boolean> {
  const pid = await anyBackend(stage).catch(() => undefined)
  // What has become of the number meanwhile must not be somebody else's process.
  if (pid === undefined || parentOf(pid) !== stage.server.pid) return false
  await stage.markFault()
  process.kill(pid, 'SIGKILL')
  return true
}

/** Ends every connection that listens. @returns how many there were */
export async function terminateListeners(stage: Stage): Promise<number> {
  const rows = await askAdmin(
    stage.server.url,
    `select pg_terminate_backend(pid) from pg_stat_activity where ${ours} and query ilike 'listen %'`,
  )
  return rows.length
}

async function anyBackend(stage: Stage): Promise<number | undefined> {
  const rows = await askAdmin(stage.server.url, `select pid from pg_stat_activity where ${ours}`)
  return rows[Math.floor(stage.random() * rows.length)]?.['pid'] as number | undefined
}

function parentOf(pid: number): number | undefined {
  try {
    // The name before it may hold anything but is in brackets.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1])
  } catch {
    return undefined
  }
}
