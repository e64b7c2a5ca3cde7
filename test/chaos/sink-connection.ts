import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Effect, ItemName } from './history.ts'

export interface Told extends ItemName {
  readonly attempt: number
  readonly token: number
  readonly partition: number
}

/** A handler's side of the effect sink: each effect is told, and has happened when the sink has answered. */
export class SinkConnection {
  readonly #socket: Socket
  readonly #waiting: ((answer: string) => void)[] = []
  #at = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (answers: string) => {
      for (const answer of answers) this.#waiting[this.#at++]?.(answer)
      if (this.#at > 1000) this.#waiting.splice(0, this.#at)
      if (this.#at > 1000) this.#at = 0
    })
  }

  static async open(path: string, node: string): Promise<SinkConnection> {
    const socket = connect(path)
    await once(socket, 'connect')
    socket.write(`${node}\n`)
    return new SinkConnection(socket)
  }

  /** @throws Error where the sink has refused it, since its token is an old one */
  async tell(op: Effect['op'], told: Told): Promise<void> {
    const { key, n, attempt, token, partition } = told
    const answer = await this.#ask(`${op} ${key} ${n} ${attempt} ${token} ${partition}`)
    if (answer !== '+') throw new Error(`The sink refused token ${token} of partition ${partition}`)
  }

  /** What this process is about to do to itself. */
  async mark(op: 'kill' | 'fault'): Promise<void> {
    await this.#ask(op)
  }

  #ask(line: string): Promise<string> {
    this.#socket.write(`${line}\n`)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#socket.destroy()
  }
}
