import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One connection that posts JSON and reads the status of the answer, and costs as little as can be: the server is measured. */
export class RawClient {
  readonly #socket: Socket
  readonly #head: string
  #read = ''
  #answered: ((status: number) => void) | undefined
  #failed: ((error: Error) => void) | undefined

  private constructor(socket: Socket, url: URL) {
    this.#socket = socket
    this.#head = `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: `
    socket.setEncoding('latin1').setNoDelay(true)
    socket.on('data', (text: string) => this.#take(text))
    socket.on('close', () => this.#failed?.(new Error('the server closed the connection')))
    socket.on('error', (error) => this.#failed?.(error))
  }

  static async open(url: URL): Promise<RawClient> {
    const socket = connect(Number(url.port), url.hostname)
    await once(socket, 'connect')
    return new RawClient(socket, url)
  }

  /** One at a time; the body is ASCII. */
  post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve
      this.#failed = reject
      this.#socket.write(`${this.#head}${body.length}\r\n\r\n${body}`)
    })
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #take(text: string): void {
    this.#read += text
    const end = this.#read.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#read.slice(0, end)
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
    if (length === undefined) return this.#failed?.(new Error(`an answer without a length: ${head}`))
    if (this.#read.length < end + 4 + Number(length)) return
    this.#read = this.#read.slice(end + 4 + Number(length))
    this.#answered?.(Number(head.slice(9, 12)))
  }
}
