import { Worker } from 'node:worker_threads'
import { isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import {
  registerNode,
  renewLease,
  retireNode,
  unregisterNode,
  unregisterOthers,
  type NodeRow,
} from '../store/nodes.ts'
import { currentProcess } from '../store/process-identity.ts'
import { ageOf, heartbeatBytes, heartbeatSlots, noteBeat, type HeartbeatOrder } from './heartbeat-order.ts'
import type { Lease } from './lease.ts'

export interface HeartbeatParts {
  readonly database: OpenDatabase
  /** The database's URL, for a connection of the heartbeat's own; undefined: it beats on the main thread. */
  readonly url: string | undefined
  readonly preparedStatements: boolean
  readonly node: NodeRow
  readonly version: string
  readonly events: Events
}

export const leaseMs = 8_000
export const beatMs = 2_000
const safeMs = Math.floor((leaseMs * 2) / 3)

/** Boot ids of the nodes in this process: of an embedded database no other process can hold a lease. */
const bootIds: Set<string> = ((globalThis as Record<symbol, unknown>)[Symbol.for('coatcheck.boot-ids')] ??=
  new Set<string>()) as Set<string>

/** Keeps the node's lease: enters its row, has it renewed, and knows whether it may still act. */
export class Heartbeat implements Part, Lease {
  readonly #parts: HeartbeatParts
  readonly #shared = new SharedArrayBuffer(heartbeatBytes)
  readonly #numbers = new Int32Array(this.#shared)
  /** Where both clocks stood: the threads' common one, and the cheap one that is asked on the hot path. */
  readonly #base = process.hrtime.bigint()
  readonly #baseNow = performance.now()
  #worker: Worker | undefined
  #counter: NodeJS.Timeout | undefined
  #loop: Loop | undefined
  #started = false
  #retired = false
  /** Lapses of the lease that have been acted upon. */
  #lapses = 0

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
  }

  get isSafe(): boolean {
    if (!this.#started) return false
    // The lock file of the directory is the lease.
    if (this.#parts.database.driver.kind === 'pglite') return true
    const sentAt = Atomics.load(this.#numbers, heartbeatSlots.lastGood)
    if (ageOf(sentAt, performance.now() - this.#baseNow) >= safeMs) return false
    return Atomics.load(this.#numbers, heartbeatSlots.lapses) === this.#lapses
  }

  /**
   * Nothing is left of what the node owned before its lease ran out: from now on a good heartbeat counts again. Until then
   * it does not, or a node that was frozen would go on where it stood as soon as its heartbeat is back.
   */
  begin(): void {
    this.#lapses = Atomics.load(this.#numbers, heartbeatSlots.lapses)
  }

  /** Whether heartbeats stopped, since this was asked last, because something held this thread's event loop. */
  takeStuck(): boolean {
    // It turns again: nobody is to say otherwise after the answer was taken.
    Atomics.add(this.#numbers, heartbeatSlots.mainCount, 1)
    return Atomics.exchange(this.#numbers, heartbeatSlots.stuck, 0) === 1
  }

  async start(): Promise<void> {
    if (this.#started) return
    const { database, node, url } = this.#parts
    bootIds.add(node.bootId)
    if (database.driver.kind === 'pglite')
      await unregisterOthers(database.driver, database.schema, [...bootIds])
    await this.#register()
    this.begin()
    this.#started = true
    if (url === undefined || database.driver.kind === 'pglite') await this.#beatHere()
    else this.#beatBeside(url)
  }

  /** The node stops: others are to count themselves the owners of what it has, and take it as soon as it is given away. */
  async retire(): Promise<void> {
    const { database, node, events } = this.#parts
    if (!this.#started) return
    this.#retired = true
    try {
      await retireNode(database.driver, database.schema, node.bootId, beatMs)
    } catch (error) {
      // They do so when the node is gone.
      events.emit('problem', { where: 'heartbeat', error })
    }
  }

  async stop(): Promise<void> {
    if (!this.#started) return
    this.#started = false
    clearInterval(this.#counter)
    await this.#loop?.stop()
    const worker = this.#worker
    this.#worker = undefined
    if (worker) {
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      worker.postMessage('stop')
      const timer = setTimeout(() => void worker.terminate(), 1_000)
      await ended
      clearTimeout(timer)
    }
    bootIds.delete(this.#parts.node.bootId)
    try {
      await unregisterNode(this.#parts.database.driver, this.#parts.database.schema, this.#parts.node.bootId)
    } catch (error) {
      // Its lease runs out by itself.
      this.#parts.events.emit('problem', { where: 'heartbeat', error })
    }
  }

  async #register(): Promise<void> {
    const { database, node, version } = this.#parts
    const process = await currentProcess()
    const sentAt = Math.floor(performance.now() - this.#baseNow)
    const entered = { ...node, process, ...(this.#retired && { queues: [] }) }
    await registerNode(database.driver, database.schema, entered, version, leaseMs)
    noteBeat(this.#numbers, sentAt, safeMs)
  }

  async #beatHere(): Promise<void> {
    const { database, node, events } = this.#parts
    this.#loop = new Loop(
      async () => {
        const sentAt = Math.floor(performance.now() - this.#baseNow)
        const [row] = await database.driver.run(renewLease(database.schema), [node.bootId, leaseMs])
        if (row) noteBeat(this.#numbers, sentAt, safeMs)
        else await this.#register()
        return beatMs
      },
      (error) => events.emit('problem', { where: 'heartbeat', error }),
    )
    await this.#loop.start()
  }

  #beatBeside(url: string): void {
    const { database, node, events, preparedStatements } = this.#parts
    clearInterval(this.#counter)
    this.#counter = setInterval(() => Atomics.add(this.#numbers, heartbeatSlots.mainCount, 1), 500)
    this.#counter.unref()
    const order: HeartbeatOrder = {
      database: url,
      preparedStatements,
      schema: database.schema,
      bootId: node.bootId,
      leaseMs,
      safeMs,
      intervalMs: beatMs,
      base: this.#base,
      shared: this.#shared,
    }
    // The extension of this very file: .ts from the sources, .js from the package.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    const worker = new Worker(new URL(`./heartbeat-worker${extension}`, import.meta.url), {
      workerData: order,
    })
    worker.unref()
    // Its row was cleaned away while it could not beat: enter it again.
    worker.on(
      'message',
      () =>
        void this.#register().catch((error: unknown) =>
          events.emit('problem', { where: 'heartbeat', error }),
        ),
    )
    worker.on('error', (error) => {
      if (isCoatcheckError(error)) return
      events.emit('problem', { where: 'heartbeat', error })
    })
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      // Without a heartbeat the node would lose its lease: begin another.
      if (this.#started) setTimeout(() => this.#started && this.#beatBeside(url), 500).unref()
    })
    this.#worker = worker
  }
}
