import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endChild } from './child-processes.ts'
import { freePort, unprivilegedAccount } from './postgres.ts'

export interface Pooler {
  /** The server's URL, by way of the pooler: every database of it can be named in it. */
  readonly url: string
  stop(): Promise<void>
}

const startLimitMs = 10_000

/**
 * Starts the machine's PgBouncer (Debian's package `pgbouncer`) in transaction mode before a PostgreSQL: each transaction
 * may get another session, so whatever leans on a session shows.
 */
export async function startPgbouncer(serverUrl: string): Promise<Pooler> {
  const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined
  const home = await mkdtemp(join(tmpdir(), 'coatcheck-pgbouncer-'))
  const port = await freePort()
  const file = join(home, 'pgbouncer.ini')
  await writeFile(file, configuration(new URL(serverUrl), port), { mode: 0o600 })
  if (account) for (const path of [home, file]) await chown(path, account.uid, account.gid)
  const child = spawn('pgbouncer', ['--quiet', file], {
    ...account,
    cwd: home,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-2_000)))
  const missing = once(child, 'error').then(([cause]) => {
    throw new Error("pgbouncer did not start; it is Debian's package pgbouncer: apt-get install pgbouncer.", {
      cause,
    })
  })
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined) await endChild(child)
    await rm(home, { recursive: true, force: true })
  }
  try {
    await Promise.race([missing, listening(port)])
  } catch (error) {
    await stop()
    throw said === '' ? error : new Error(said, { cause: error })
  }
  missing.catch(() => {})
  const url = new URL(serverUrl)
  url.port = String(port)
  return { url: url.href, stop }
}

function configuration({ hostname, port, username, password }: URL, ownPort: number): string {
  return `[databases]
* = host=${hostname} port=${port} user=${username} password=${password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 30
max_client_conn = 1000
server_idle_timeout = 5
ignore_startup_parameters = extra_float_digits,options
`
}

async function listening(port: number): Promise<void> {
  for (const until = performance.now() + startLimitMs; ; await delay(50)) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    if (performance.now() > until) throw new Error(`pgbouncer does not listen after ${startLimitMs} ms.`)
  }
}
