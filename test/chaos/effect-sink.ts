import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { endChild } from '../../scripts/child-processes.ts'
import { readHistory, type HistoryEvent, type Mark } from './history.ts'
import type { SinkCount, SinkOrder } from './sink-process.ts'
import { within } from './wait-until.ts'

const answerLimitMs = 20_000

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

  /** @param refuses whether it lets effects with an old token not happen, or records them like any others */
  static async start(folder: string, refuses = true): Promise<EffectSink> {
    const path = join(folder, 'sink.sock')
    const file = join(folder, 'effects.jsonl')
    const child = fork(
      join(import.meta.dirname, 'sink-process.ts'),
      [path, file, refuses ? 'refuse' : 'record'],
      {
        execArgv: [],
      },
    )
    try {
      await within('the sink listens', answerLimitMs, heard(child))
    } catch (error) {
      await endChild(child)
      throw error
    }
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
    if (this.#process.connected) this.#process.disconnect()
    // It ends by itself then.
    await endChild(this.#process, 'SIGCONT')
  }

  // One question at a time: answers carry no name.
  #ask(order: SinkOrder): Promise<SinkCount> {
    const asked = this.#calls.then(async () => {
      const answer = within('the sink answers', answerLimitMs, heard(this.#process))
      if (this.#process.connected) this.#process.send(order)
      return (await answer) as SinkCount
    })
    this.#calls = asked.catch(() => {})
    return asked
  }
}

/** The next thing that it says; fails where it has ended. */
async function heard(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const gone = (): Error => new Error(`The sink has ended: ${child.signalCode ?? child.exitCode}.`)
  if (!child.connected) throw gone()
  const end = (): void => over.abort()
  child.once('exit', end)
  try {
    const [said] = (await once(child, 'message', { signal: over.signal })) as [unknown]
    return said
  } catch (error) {
    throw over.signal.aborted ? gone() : error
  } finally {
    child.off('exit', end)
  }
}
