import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild, isRunning } from '../../scripts/child-processes.ts'
import type { EffectSink } from './effect-sink.ts'
import type { Mark } from './history.ts'
import type { NodeNews, NodeOrder, NodeSettings } from './node-process.ts'
import { residentMbOf } from './resident-memory.ts'

export interface StampedNews extends NodeNews {
  /** When it was heard, by this process's monotonic clock. */
  readonly at: number
}

/** A node in a process of its own, as whoever runs the test holds it. */
export class WorkerNode {
  readonly name: string
  readonly label: string
  /** Those of its nodes; the first has its own. */
  readonly names: readonly string[]
  readonly news: StampedNews[] = []
  /** When it was killed, by the same clock as its news. */
  killedAt: number | undefined
  readonly #process: ChildProcess
  readonly #sink: EffectSink
  readonly #endLimitMs: number
  readonly #heard = new EventEmitter()

  private constructor(settings: NodeSettings, child: ChildProcess, sink: EffectSink) {
    this.name = settings.name
    this.label = settings.label
    const { name, nodes = 1, stopTimeoutMs } = settings
    this.names = Array.from({ length: nodes }, (_, at) => (at === 0 ? name : `${name}.${at}`))
    this.#endLimitMs = stopTimeoutMs + 60_000
    this.#process = child
    this.#sink = sink
    this.#heard.setMaxListeners(0)
    child.on('message', (message) => {
      const news = message as NodeNews
      this.news.push({ ...news, at: performance.now() })
      // On record: what it ran may run again, whatever the reason was.
      if (news.event === 'node.lease-lost') void sink.mark('fault', news.of).catch(() => {})
      this.#heard.emit('news')
    })
    child.on('exit', () => this.#heard.emit('news'))
  }

  /**
   * Begins its process.
   * @param clockOffsetMs how far the process's clock is off
   */
  static launch(settings: NodeSettings, sink: EffectSink, clockOffsetMs?: number): WorkerNode {
    const log = settings.logFile === undefined ? 'inherit' : openSync(settings.logFile, 'a')
    const child = fork(join(import.meta.dirname, 'node-process.ts'), [JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', log, 'ipc'],
      ...(settings.isElsewhere && { execPath: 'unshare' }),
      execArgv: [
        ...(settings.isElsewhere ? ownHost(settings.name) : []),
        ...(clockOffsetMs === undefined ? [] : ['--import', join(import.meta.dirname, 'clock-process.ts')]),
        ...(settings.heapMb === undefined ? [] : [`--max-old-space-size=${settings.heapMb}`]),
      ],
      env: {
        ...process.env,
        CHAOS_CLOCK_OFFSET_MS: String(clockOffsetMs ?? 0),
        // What a case kills starts again in half the processor time: stripping and compiling the sources is no part of it.
        NODE_COMPILE_CACHE: join(tmpdir(), 'coatcheck-compiled'),
      },
    })
    if (typeof log === 'number') closeSync(log)
    return new WorkerNode(settings, child, sink)
  }

  /** Resolves when its nodes have started; where they do not, ends it. */
  async isReady(): Promise<void> {
    try {
      await this.hears(
        'it is ready',
        () => this.count('ready') === this.names.length,
        20_000 + 2_000 * this.names.length,
      )
    } catch (error) {
      await this.end()
      throw error
    }
  }

  get isAlive(): boolean {
    return isRunning(this.#process)
  }

  get exitCode(): number | null {
    return this.#process.exitCode
  }

  /** Memory in use, in MB; undefined where the system does not tell. */
  get residentMb(): number | undefined {
    return residentMbOf(this.#process.pid)
  }

  /** The boot ids of its nodes, and their names. */
  get ids(): readonly (readonly [id: string, name: string])[] {
    return this.news.flatMap(({ event, of, data }) => (event === 'made' ? [[String(data['id']), of]] : []))
  }

  /** Partitions that it owns by its own account. */
  get owned(): number {
    let owned = 0
    for (const { event } of this.news) {
      if (event === 'partition.acquired') owned++
      if (event === 'partition.released') owned--
    }
    return owned
  }

  count(event: NodeNews['event']): number {
    return this.news.filter((news) => news.event === event).length
  }

  /** Resolves when its news say so; fails with what was waited for. */
  async hears(what: string, isSo: (news: readonly StampedNews[]) => boolean, waitMs = 20_000): Promise<void> {
    const signal = AbortSignal.timeout(waitMs)
    while (!isSo(this.news)) {
      if (!this.isAlive) throw new Error(`${this.name} ended with ${this.#process.exitCode} before ${what}.`)
      await once(this.#heard, 'news', { signal }).catch(() => {
        throw new Error(`${this.name}: waited ${waitMs} ms in vain until ${what}.`)
      })
    }
  }

  /** SIGKILL, stamped in the history before it. */
  async kill(): Promise<void> {
    await this.#mark('kill')
    this.killedAt = performance.now()
    await endChild(this.#process)
  }

  /** SIGTERM, and waits for the end. @throws Error where it does not come in time; it is killed then */
  async terminate(): Promise<void> {
    await this.#mark('stop')
    if (!(await endChild(this.#process, 'SIGTERM', this.#endLimitMs)))
      throw new Error(`${this.name} had not ended ${this.#endLimitMs} ms after SIGTERM.`)
  }

  async pause(): Promise<void> {
    await this.#mark('pause')
    this.#process.kill('SIGSTOP')
  }

  async resume(): Promise<void> {
    await this.#mark('resume')
    this.#process.kill('SIGCONT')
  }

  send(order: NodeOrder): void {
    this.#process.send(order)
  }

  /** Ends it whatever state it is in; not part of the history. */
  async end(): Promise<void> {
    await endChild(this.#process)
  }

  async #mark(op: Mark['op']): Promise<void> {
    await Promise.all(this.names.map((name) => this.#sink.mark(op, name)))
  }
}

/** What `unshare` is to do before it becomes node, which keeps its pid. */
function ownHost(name: string): string[] {
  return ['--uts', '--', 'sh', '-c', `hostname "$0" && exec "$@"`, name, process.execPath]
}
