/** Of more keys than these the first are forgotten: their owners have long put what was noted into the lane. */
const maxKeys = 10_000

/**
 * The failed calls that this node has queued, the last one of each key. Until the owner of the partition has put it into the lane
 * such an item stands in the log alone, where nobody finds it by its key; that may take long where the owner is slow, or has died.
 */
export class QueuedCalls {
  readonly #isOpen: (id: string) => Promise<boolean>
  readonly #ids = new Map<string, string>()

  /** @param isOpen whether an item has yet to end */
  constructor(isOpen: (id: string) => Promise<boolean>) {
    this.#isOpen = isOpen
  }

  /** Whoever is told that it is queued has been noted before. */
  note(scope: string, key: string, id: string): void {
    const line = lineOf(scope, key)
    const last = this.#ids.get(line)
    // ids are in the order of their acceptance, their calls need not be
    if (last !== undefined && last > id) return
    this.#ids.delete(line)
    this.#ids.set(line, id)
    const [first] = this.#ids.keys()
    if (this.#ids.size > maxKeys && first !== undefined) this.#ids.delete(first)
  }

  /** Whether the last one of a key has yet to end. @throws what looking it up throws */
  async isWaiting(scope: string, key: string): Promise<boolean> {
    const line = lineOf(scope, key)
    const id = this.#ids.get(line)
    if (id === undefined) return false
    if (await this.#isOpen(id)) return true
    if (this.#ids.get(line) === id) this.#ids.delete(line)
    return false
  }
}

function lineOf(scope: string, key: string): string {
  return JSON.stringify([scope, key])
}
