import { randomUUID } from 'node:crypto'
import { link, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CoatcheckError } from '../base/errors.ts'
import { currentProcess, livenessOf, type ProcessIdentity } from './process-identity.ts'

const defaultPatienceMs = 5000
const retryEveryMs = 25
const heartbeatEveryMs = 2000
const foreignSilenceMs = 30_000
const foreignWatchMs = 4000

interface Holder extends ProcessIdentity {
  /** Tells this lock from all others, also from a later one of the same process. */
  readonly token: string
  readonly since: string
}

interface Seen {
  readonly holder: Holder
  readonly touchedMs: number
}

export interface LockFile {
  /** Twice is fine. */
  release(): Promise<void>
}

/**
 * Takes the lock file of a directory for this process. PGlite takes none, and two processes on one directory destroy each
 * other's data without an error.
 * @param path the file; it holds JSON that says who holds the lock
 * @param directory what to call the locked thing in the error
 * @param patienceMs how long to wait for a live holder: 5 s unless given, so that a dev server's reload works
 * @throws CoatcheckError `DATABASE_LOCKED` when a live process still holds it then
 */
export async function acquireLockFile(
  path: string,
  directory: string,
  patienceMs = defaultPatienceMs,
): Promise<LockFile> {
  const own: Holder = { ...(await currentProcess()), token: randomUUID(), since: new Date().toISOString() }
  await acquire(path, own, directory, performance.now() + patienceMs)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, heartbeatEveryMs).unref()
  let released: Promise<void> | undefined
  return {
    release: () => {
      clearInterval(heartbeat)
      return (released ??= removeOwn(path, own))
    },
  }
}

/**
 * A free lock is taken by linking a finished file to its name: it is there whole, or not at all. A stale one is never removed
 * first (between that and taking it another process could do the same): who wants to replace it takes a lock on exactly this
 * stale lock, looks again, and renames its own over it.
 */
async function acquire(path: string, own: Holder, directory: string, deadline: number): Promise<void> {
  const candidate = `${path}.${own.token}`
  const watch = new ForeignWatch()
  await writeFile(candidate, JSON.stringify(own, undefined, 2), { mode: 0o600 })
  try {
    for (;;) {
      if (await linkTo(candidate, path)) return
      const seen = await read(path)
      if (seen === undefined) continue
      if (await isStale(seen, own, watch)) {
        if (await replaceStale(path, seen.holder, candidate, own, directory, deadline)) return
        continue
      }
      if (performance.now() > deadline) throw lockedError(directory, path, seen.holder)
      await delay(retryEveryMs)
    }
  } finally {
    await unlink(candidate).catch(() => {})
  }
}

async function replaceStale(
  path: string,
  stale: Holder,
  candidate: string,
  own: Holder,
  directory: string,
  deadline: number,
): Promise<boolean> {
  const claimPath = `${path}.stale-${stale.token}`
  const claim: Holder = { ...own, token: randomUUID() }
  await acquire(claimPath, claim, directory, deadline)
  try {
    // only who holds the claim replaces this stale lock, so what is read here stays true until the rename
    const seen = await read(path)
    if (seen?.holder.token !== stale.token) return false
    await rename(candidate, path)
    return true
  } finally {
    await removeOwn(claimPath, claim)
  }
}

/** What is watched of a holder whose pid says nothing here: whether its heartbeat still touches the file. */
class ForeignWatch {
  #token = ''
  #touchedMs = 0
  #since = 0

  isSilent(seen: Seen): boolean {
    if (seen.holder.token !== this.#token || seen.touchedMs !== this.#touchedMs) {
      this.#token = seen.holder.token
      this.#touchedMs = seen.touchedMs
      this.#since = performance.now()
    }
    return performance.now() - this.#since > foreignWatchMs
  }
}

async function isStale(seen: Seen, own: Holder, watch: ForeignWatch): Promise<boolean> {
  const liveness = await livenessOf(seen.holder, own)
  if (liveness !== 'foreign') return liveness === 'gone'
  // Watching as well as comparing clocks: the two machines' clocks may differ, and a machine that was asleep must not lose its
  // lock to whoever wakes first.
  return watch.isSilent(seen) && Date.now() - seen.touchedMs > foreignSilenceMs
}

async function linkTo(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error
  }
  // a file system without hard links: exclusive all the same, but for a moment half written
  try {
    await writeFile(path, await readFile(candidate), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Undefined where the lock is gone, or is just being written. */
async function read(path: string): Promise<Seen | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { holder: parseHolder(text, path), touchedMs: mtimeMs }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function parseHolder(text: string, path: string): Holder {
  try {
    const holder: unknown = JSON.parse(text)
    if (typeof holder === 'object' && holder && 'token' in holder && 'pid' in holder) return holder as Holder
  } catch {
    // told below, with the way out
  }
  return {
    token: 'unreadable',
    pid: 0,
    hostName: `unknown, since ${path} cannot be read`,
    since: 'an unknown time',
  }
}

async function removeOwn(path: string, own: Holder): Promise<void> {
  const seen = await read(path).catch(() => undefined)
  if (seen?.holder.token === own.token) await unlink(path).catch(() => {})
}

function lockedError(directory: string, path: string, holder: Holder): CoatcheckError {
  const self = holder.pid === process.pid ? ' (this process itself, in another thread or context)' : ''
  return new CoatcheckError(
    'DATABASE_LOCKED',
    `The embedded database in ${directory} is in use by process ${holder.pid}${self} on ${holder.hostName} since ${holder.since}, and one process at a time is all it takes. Stop that process, choose another directory, or use PostgreSQL, which takes many; if you are sure that the process is gone, delete ${path}`,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
