import type { ClientBase } from 'pg'
import { ChannelListeners, listenTo, unlistenFrom } from './channel-listeners.ts'

/** LISTEN on the one connection of the embedded database: who sends a NOTIFY gets it along with the answer to the COMMIT. */
export class PgliteListeners {
  readonly #channels = new ChannelListeners()

  /** A new client has a new session, which listens to nothing yet. */
  async attach(client: ClientBase): Promise<void> {
    client.on('notification', ({ channel, payload }) =>
      queueMicrotask(() => this.#channels.tell(channel, payload ?? '')),
    )
    const text = this.#channels.listenText()
    if (text) await client.query(text)
  }

  /** @param query runs a statement when it is its turn */
  async listen(
    channel: string,
    onNotify: (payload: string) => void,
    query: (text: string) => Promise<unknown>,
  ): Promise<() => Promise<void>> {
    const { isFirst, remove } = this.#channels.add(channel, onNotify)
    if (isFirst) await query(listenTo(channel))
    return async () => {
      // after a close there is nothing left to tell
      if (remove()) await query(unlistenFrom(channel)).catch(() => {})
    }
  }
}
