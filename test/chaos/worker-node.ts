import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { EffectSink } from './effect-sink.ts'
import type { NodeNews, NodeOrder, NodeSettings } from './node-process.ts'

export interface StampedNews extends NodeNews {
  /** When it was heard, by this process's monotonic clock. */
  readonly at: number
}

/** A node in a process of its own, as whoever runs the test holds it. */
export class WorkerNode {
  readonly name: string
  readonly news: StampedNews[] = []
  /** When it was killed, by the same clock as its news. */
  killedAt: number | undefined
  readonly #process: ChildProcess
  readonly #sink: EffectSink
  readonly #heard = new EventEmitter()

  private constructor(name: string, child: ChildProcess, sink: EffectSink) {
    this.name = name
    this.#process = child
    this.#sink = sink
    this.#heard.setMaxListeners(0)
    child.on('message', (message) => {
      this.news.push({ ...(message as NodeNews), at: performance.now() })
      this.#heard.emit('news')
    })
    child.on('exit', () => this.#heard.emit('news'))
  }

  /** Resolves when its node has started. */
  static async start(settings: NodeSettings, sink: EffectSink): Promise<WorkerNode> {
    const child = fork(join(import.meta.dirname, 'node-process.ts'), [JSON.stringify(settings)], {
      execArgv: [],
    })
    const node = new WorkerNode(settings.name, child, sink)
    await node.hears('it is ready', (news) => news.some(({ event }) => event === 'ready'))
    return node
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get exitCode(): number | null {
    return this.#process.exitCode
  }

  /** Its boot id. */
  get id(): string {
    return String(this.news.find(({ event }) => event === 'ready')?.data['id'])
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
    await this.#sink.mark('kill', this.name)
    this.killedAt = performance.now()
    await this.#end('SIGKILL')
  }

  /** SIGTERM, and waits for the end. */
  async terminate(): Promise<void> {
    await this.#sink.mark('stop', this.name)
    await this.#end('SIGTERM')
  }

  async pause(): Promise<void> {
    await this.#sink.mark('pause', this.name)
    this.#process.kill('SIGSTOP')
  }

  async resume(): Promise<void> {
    await this.#sink.mark('resume', this.name)
    this.#process.kill('SIGCONT')
  }

  send(order: NodeOrder): void {
    this.#process.send(order)
  }

  /** Ends it whatever state it is in; not part of the history. */
  async end(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isAlive) return
    const ended = once(this.#process, 'exit')
    this.#process.kill(signal)
    await ended
  }
}
