import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { endChild } from '../../scripts/child-processes.ts'
import type { AcceptAnswer, AcceptFate, AcceptSettings, UniqueItem } from './accept-process.ts'
import type { Endings } from './endings.ts'
import { within } from './wait-until.ts'

const limitMs = 30_000

/** An accepting process, as its caller holds it; another one takes its place when it is killed. */
export class AcceptClient {
  readonly #settings: AcceptSettings
  readonly #endings: Endings
  readonly #calls = new Map<number, (fates: readonly AcceptFate[] | undefined) => void>()
  #process: ChildProcess | undefined
  #called = 0

  private constructor(settings: AcceptSettings, endings: Endings) {
    this.#settings = settings
    this.#endings = endings
  }

  static async start(settings: AcceptSettings, endings: Endings): Promise<AcceptClient> {
    const client = new AcceptClient(settings, endings)
    await client.#begin()
    return client
  }

  /** @returns what became of each; undefined where the process was killed before it could say so */
  async accept(items: readonly UniqueItem[]): Promise<readonly AcceptFate[] | undefined> {
    const call = this.#called++
    const { promise, resolve } = Promise.withResolvers<readonly AcceptFate[] | undefined>()
    this.#calls.set(call, resolve)
    if (this.#process?.connected) this.#process.send({ call, items })
    else resolve(undefined)
    return within('accepts are answered', limitMs, promise)
  }

  /** kill -9: whoever waits for an answer of it gets none. */
  async restart(): Promise<void> {
    if (this.#process) await endChild(this.#process)
    await this.#begin()
  }

  async #begin(): Promise<void> {
    const child = fork(join(import.meta.dirname, 'accept-process.ts'), [JSON.stringify(this.#settings)], {
      execArgv: [],
    })
    this.#endings.add('process that accepts', () => endChild(child))
    await within('the process that accepts is ready', limitMs, once(child, 'message'))
    child.on('message', (message) => {
      const { call, fates } = message as AcceptAnswer
      this.#calls.get(call)?.(fates)
      this.#calls.delete(call)
    })
    child.on('exit', () => {
      for (const resolve of this.#calls.values()) resolve(undefined)
      this.#calls.clear()
    })
    this.#process = child
  }
}
