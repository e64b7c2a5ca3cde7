import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdir, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { CoatcheckError } from '../base/errors.ts'
import type { Driver } from './driver.ts'
import { acquireLockFile } from './lock-file.ts'
import { createSingleSessionPool, type OwnPool } from './pg-pool.ts'
import { PgliteListeners } from './pglite-listeners.ts'
import { PgliteSocket } from './pglite-socket.ts'
import { type Nesting, PooledDriver } from './pooled-driver.ts'

/**
 * A directory name that stands for a database in memory, of its own for each caller. With a name behind it, such as
 * `memory://orders`, it is shared within the process and goes with its last user.
 */
export const inMemory = 'memory://'

/** An open embedded database. Several drivers of one process may use it, also drivers of another copy of this package. */
interface Embedded {
  readonly pool: OwnPool
  readonly nesting: AsyncLocalStorage<Nesting>
  readonly listeners: Pick<PgliteListeners, 'listen'>
  close(): Promise<void>
}

interface Shared {
  users: number
  readonly opened: Promise<Embedded>
  closing?: Promise<void>
}

const registryKey = Symbol.for('coatcheck.embedded.1')

/**
 * Opens the embedded database, PGlite, and waits until it can be used. Drivers of one directory share it within a process.
 * @param directory made where missing; holds `coatcheck.lock` and `pgdata`; `memory://`, or `memory://` and a name, for one in memory
 * @throws CoatcheckError `EMBEDDED_MISSING`, `DATABASE_LOCKED`
 */
export async function openPgliteDriver(directory: string): Promise<Driver> {
  const { embedded, close } = directory === inMemory ? await openOwn() : await openShared(directory)
  return new PooledDriver({
    kind: 'pglite',
    pool: embedded.pool,
    preparedStatements: true,
    nesting: embedded.nesting,
    listen: (channel, onNotify) =>
      embedded.listeners.listen(channel, onNotify, (text) => embedded.pool.query(text)),
    onClose: close,
  })
}

async function openOwn(): Promise<{ embedded: Embedded; close: () => Promise<void> }> {
  const embedded = await openEmbedded(inMemory)
  return { embedded, close: () => embedded.close() }
}

async function openShared(directory: string): Promise<{ embedded: Embedded; close: () => Promise<void> }> {
  const registry = sharedDatabases()
  const named = directory.startsWith(inMemory)
  if (!named) await mkdir(resolve(directory), { recursive: true, mode: 0o700 })
  const path = named ? directory : await realpath(directory)
  for (let shared = registry.get(path); shared?.closing; shared = registry.get(path)) await shared.closing
  const shared = registry.get(path) ?? { users: 0, opened: named ? openEmbedded(inMemory) : openLocked(path) }
  registry.set(path, shared)
  shared.users++
  const leave = async () => {
    if (--shared.users > 0) return
    // it stays in the registry until the lock is free, so that who opens the directory now waits for that
    shared.closing = shared.opened
      .then((embedded) => embedded.close())
      .catch(() => {})
      .finally(() => registry.delete(path))
    await shared.closing
  }
  try {
    return { embedded: await shared.opened, close: leave }
  } catch (error) {
    await leave()
    throw error
  }
}

async function openLocked(path: string): Promise<Embedded> {
  const lock = await acquireLockFile(join(path, 'coatcheck.lock'), path)
  try {
    const embedded = await openEmbedded(join(path, 'pgdata'))
    const close = async () => {
      try {
        await embedded.close()
      } finally {
        await lock.release()
      }
    }
    return { ...embedded, close }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function openEmbedded(dataDirectory: string): Promise<Embedded> {
  const database = await createPglite(dataDirectory)
  const listeners = new PgliteListeners()
  const pool = createSingleSessionPool(
    () => new PgliteSocket(database),
    (client) => listeners.attach(client),
  )
  return {
    pool,
    nesting: new AsyncLocalStorage(),
    listeners,
    close: async () => {
      await pool.end()
      await database.close()
    },
  }
}

async function createPglite(dataDirectory: string): Promise<PGlite> {
  try {
    const { PGlite } = await import('@electric-sql/pglite')
    return await PGlite.create(dataDirectory)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause
    throw new CoatcheckError(
      'EMBEDDED_MISSING',
      'The embedded database needs the package @electric-sql/pglite: run "npm install @electric-sql/pglite", or set database to the URL of a PostgreSQL',
      { cause },
    )
  }
}

function sharedDatabases(): Map<string, Shared> {
  const holder = globalThis as { [registryKey]?: Map<string, Shared> }
  return (holder[registryKey] ??= new Map())
}
