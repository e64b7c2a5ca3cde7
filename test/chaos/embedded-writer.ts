import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { endChild } from '../../scripts/child-processes.ts'
import type { EmbeddedNews, EmbeddedOrder } from './embedded-process.ts'
import type { Endings } from './endings.ts'
import { within } from './wait-until.ts'

const limitMs = 60_000

/** A process that writes into an embedded database, as whoever runs the test holds it. */
export class EmbeddedWriter {
  readonly ids: string[] = []
  readonly #process: ChildProcess
  readonly #first: Promise<EmbeddedNews>
  /** Rejects when it has ended: nobody waits for what it would say. */
  readonly #gone: Promise<never>
  #missing: ((ids: readonly string[]) => void) | undefined

  constructor(directory: string, endings: Endings) {
    this.#process = fork(join(import.meta.dirname, 'embedded-process.ts'), [directory], { execArgv: [] })
    endings.add('process with an embedded database', () => endChild(this.#process))
    const first = Promise.withResolvers<EmbeddedNews>()
    const gone = Promise.withResolvers<never>()
    this.#first = first.promise
    this.#gone = gone.promise
    gone.promise.catch(() => {})
    this.#process.on('message', (message) => {
      const news = message as EmbeddedNews
      if (news.kind === 'open' || news.kind === 'refused') first.resolve(news)
      if (news.kind === 'ids') this.ids.push(...news.ids)
      if (news.kind === 'missing') this.#missing?.(news.ids)
    })
    this.#process.on('close', () => {
      const { exitCode, signalCode } = this.#process
      gone.reject(new Error(`The embedded database's process ended with ${signalCode ?? exitCode}.`))
    })
  }

  /** Resolves when it is open, or with why it was refused. */
  opened(): Promise<EmbeddedNews> {
    return within('the embedded database is open', limitMs, Promise.race([this.#first, this.#gone]))
  }

  /** Which of these ids it does not find; after that it begins to write. */
  look(ids: readonly string[]): Promise<readonly string[]> {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>()
    this.#missing = resolve
    this.#process.send({ look: ids } satisfies EmbeddedOrder)
    return within('all ids were looked for', limitMs, Promise.race([promise, this.#gone]))
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await within(
      'it has ended',
      limitMs,
      this.#gone.catch(() => {}),
    )
  }

  async kill(): Promise<void> {
    await endChild(this.#process)
  }
}
