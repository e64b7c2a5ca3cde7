import type { Client as PgListenClient } from 'pg'
import { ChannelListeners, listenTo, unlistenFrom } from './channel-listeners.ts'

const firstDelayMs = 100
const maxDelayMs = 10_000
const pingEveryMs = 30_000
const answerTimeoutMs = 5000

/**
 * Listens on one connection of its own, for all channels of a driver. It comes back by itself, with back-off, and asks the
 * connection now and then whether it still lives: a deaf listener looks exactly like a quiet one.
 */
export class PgListener {
  readonly #createClient: () => PgListenClient
  readonly #channels = new ChannelListeners()
  #client: PgListenClient | undefined
  #connecting: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #ping: NodeJS.Timeout | undefined
  #delayMs = firstDelayMs
  #stopped = false

  constructor(createClient: () => PgListenClient) {
    this.#createClient = createClient
  }

  /** Resolves when the channel is listened on, or the first try has failed and the next is due. */
  async listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>> {
    const { isFirst, remove } = this.#channels.add(channel, onNotify)
    // a connection that is being made listens to what was wanted when it came up
    await this.#connecting
    if (!this.#client) await this.#connect()
    else if (isFirst) await this.#say(listenTo(channel))
    return async () => {
      if (remove()) await this.#say(unlistenFrom(channel))
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#connecting
    this.#drop(this.#client)
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #open(): Promise<void> {
    clearTimeout(this.#retry)
    if (this.#stopped) return
    const client = this.#createClient()
    client.on('error', () => this.#lose(client))
    client.on('end', () => this.#lose(client))
    client.on('notification', ({ channel, payload }) => this.#channels.tell(channel, payload ?? ''))
    this.#client = client
    try {
      await client.connect()
      const text = this.#channels.listenText()
      // whoever listens waits for this, and so does stopping
      if (text) await this.#send(client, text)
      // nobody waits for this connection from here on, so it must not keep the process alive
      const { unref } = client as { unref?: () => void }
      unref?.call(client)
      this.#delayMs = firstDelayMs
      this.#ping = setInterval(() => void this.#say('select 1'), pingEveryMs).unref()
    } catch {
      this.#lose(client)
    }
  }

  async #say(text: string): Promise<void> {
    const client = this.#client
    if (!client) return
    try {
      await this.#send(client, text)
    } catch {
      this.#lose(client)
    }
  }

  /** A connection that does not answer in time is lost, and the statement fails with it. */
  async #send(client: PgListenClient, text: string): Promise<void> {
    const timer = setTimeout(() => this.#lose(client), answerTimeoutMs)
    try {
      await client.query(text)
    } finally {
      clearTimeout(timer)
    }
  }

  #lose(client: PgListenClient): void {
    if (this.#client !== client) return
    this.#drop(client)
    if (this.#stopped) return
    // jitter, so that not all nodes come back in the same moment
    this.#retry = setTimeout(() => void this.#connect(), this.#delayMs * (0.5 + Math.random() / 2)).unref()
    this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs)
  }

  #drop(client: PgListenClient | undefined): void {
    clearInterval(this.#ping)
    this.#client = undefined
    if (!client) return
    client.end().catch(() => {})
    const { connection } = client as { connection?: { stream?: { destroy?: () => void } } }
    connection?.stream?.destroy?.()
  }
}
