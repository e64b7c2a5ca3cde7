import type { Client as PgListenClient, Notification } from 'pg'

const firstDelayMs = 100
const maxDelayMs = 10_000
const pingEveryMs = 30_000
const pingTimeoutMs = 5000

type OnNotify = (payload: string) => void

/**
 * Listens on one connection of its own, for all channels of a driver. It comes back by itself, with back-off, and asks the
 * connection now and then whether it still lives: a deaf listener looks exactly like a quiet one.
 */
export class PgListener {
  readonly #createClient: () => PgListenClient
  readonly #channels = new Map<string, Set<OnNotify>>()
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
  async listen(channel: string, onNotify: OnNotify): Promise<() => Promise<void>> {
    const listeners = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, listeners)
    // a set of functions would take the same one only once
    const listener: OnNotify = (payload) => onNotify(payload)
    listeners.add(listener)
    if (listeners.size === 1 && this.#client) await this.#say(`listen ${quote(channel)}`)
    else if (!this.#client) await this.#connect()
    return async () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#channels.delete(channel)
      if (this.#client) await this.#say(`unlisten ${quote(channel)}`)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#channels.clear()
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
    client.on('notification', (message) => this.#tell(message))
    this.#client = client
    try {
      await client.connect()
      for (const channel of this.#channels.keys()) await client.query(`listen ${quote(channel)}`)
      // nobody waits for this connection from here on, so it must not keep the process alive
      const { unref } = client as { unref?: () => void }
      unref?.call(client)
      this.#delayMs = firstDelayMs
      this.#ping = setInterval(() => void this.#say('select 1'), pingEveryMs).unref()
    } catch {
      this.#lose(client)
    }
  }

  #tell(message: Notification): void {
    for (const listener of this.#channels.get(message.channel) ?? []) listener(message.payload ?? '')
  }

  async #say(text: string): Promise<void> {
    const client = this.#client
    if (!client) return
    const timer = setTimeout(() => this.#lose(client), pingTimeoutMs)
    try {
      await client.query(text)
    } catch {
      this.#lose(client)
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

function quote(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
