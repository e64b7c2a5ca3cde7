import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { readHistory, type HistoryEvent, type Mark } from './history.ts'
import type { SinkCount, SinkOrder } from './sink-process.ts'

/** The effect sink's process, as whoever runs the test holds it. */
export class EffectSink {
  readonly path: string
  readonly #folder: string
  readonly #process: ChildProcess
  #file: string
  #calls: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, path: string, file: string, child: ChildProcess) {
    this.#folder = folder
    this.path = path
    this.#file = file
    this.#process = child
  }

  static async start(folder: string): Promise<EffectSink> {
    const path = join(folder, 'sink.sock')
    const file = join(folder, 'effects.jsonl')
    const child = fork(join(import.meta.dirname, 'sink-process.ts'), [path, file], { execArgv: [] })
    await once(child, 'message')
    return new EffectSink(folder, path, file, child)
  }

  /** Writes into another file from now on, and counts from nothing. */
  async begin(name: string): Promise<void> {
    this.#file = join(this.#folder, `${name}.jsonl`)
    await this.#ask({ op: 'file', path: this.#file })
  }

  async mark(mark: Mark['op'], node: string): Promise<void> {
    await this.#ask({ op: 'mark', mark, node })
  }

  count(): Promise<SinkCount> {
    return this.#ask({ op: 'count' })
  }

  history(): HistoryEvent[] {
    return readHistory(this.#file)
  }

  get file(): string {
    return this.#file
  }

  async stop(): Promise<void> {
    if (!this.#process.connected) return
    const ended = once(this.#process, 'exit')
    this.#process.disconnect()
    await ended
  }

  // One question at a time: answers carry no name.
  #ask(order: SinkOrder): Promise<SinkCount> {
    const asked = this.#calls.then(async () => {
      const { exitCode, signalCode } = this.#process
      if (!this.#process.connected) throw new Error(`The sink has ended: ${signalCode ?? exitCode}.`)
      const answer = once(this.#process, 'message')
      this.#process.send(order)
      const [count] = (await answer) as [SinkCount]
      return count
    })
    this.#calls = asked.catch(() => {})
    return asked
  }
}
