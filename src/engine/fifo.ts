/** A queue whose `shift` costs the same however long it is. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  /** The first so many, in order; they stay. */
  first(count: number): T[] {
    return this.#items.slice(this.#head, this.#head + count) as T[]
  }

  /** Visits all, in order, and leaves them. */
  each(visit: (item: T) => void): void {
    for (let at = this.#head; at < this.#items.length; at++) visit(this.#items[at] as T)
  }

  /** Takes out all, in order. */
  drain(): T[] {
    const all = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    return all
  }
}
