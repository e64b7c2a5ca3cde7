type OnNotify = (payload: string) => void

/** Who wants to hear of which channel. */
export class ChannelListeners {
  readonly #channels = new Map<string, Set<OnNotify>>()

  /** @returns whether it is the first of its channel, and the function that takes it away and says whether it was the last */
  add(channel: string, onNotify: OnNotify): { readonly isFirst: boolean; readonly remove: () => boolean } {
    const listeners = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, listeners)
    // a set would take one function only once
    const listener: OnNotify = (payload) => onNotify(payload)
    listeners.add(listener)
    return {
      isFirst: listeners.size === 1,
      remove: () => {
        if (!listeners.delete(listener) || listeners.size > 0) return false
        this.#channels.delete(channel)
        return true
      },
    }
  }

  tell(channel: string, payload: string): void {
    for (const listener of this.#channels.get(channel) ?? []) {
      try {
        listener(payload)
      } catch {
        // A notification is a hint. What is wrong with its taker shows when it polls; here it would end the process.
      }
    }
  }

  /** The statement that listens to all channels, or undefined where there are none. */
  listenText(): string | undefined {
    return [...this.#channels.keys()].map(listenTo).join(';\n') || undefined
  }
}

export function listenTo(channel: string): string {
  return `listen ${quoted(channel)}`
}

export function unlistenFrom(channel: string): string {
  return `unlisten ${quoted(channel)}`
}

function quoted(channel: string): string {
  return `"${channel.replaceAll('"', '""')}"`
}
