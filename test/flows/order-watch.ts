import assert from 'node:assert/strict'

/** Watches handlers: what ran, in which order within a key, and how many at once. */
export class OrderWatch {
  readonly byKey = new Map<string, number[]>()
  readonly #running = new Set<string>()
  mostAtOnce = 0

  /** Runs a piece of work of a key, unless told otherwise a short one; fails where another one of that key runs. */
  async run(key: string, n: number, work: () => unknown = () => shortWork(n)): Promise<void> {
    assert.ok(!this.#running.has(key), `two items of ${key} run at once`)
    this.#running.add(key)
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.size)
    try {
      await work()
      const ran = this.byKey.get(key)
      if (ran) ran.push(n)
      else this.byKey.set(key, [n])
    } finally {
      this.#running.delete(key)
    }
  }

  /** Each key has run what it was to run, each once and in order. */
  assertRan(wanted: ReadonlyMap<string, readonly number[]>): void {
    for (const [key, numbers] of wanted) assert.deepEqual(this.byKey.get(key), numbers, `key ${key}`)
    assert.equal(this.byKey.size, wanted.size)
  }
}

/** A promise, and what keeps it. */
export function signal(): { promise: Promise<void>; give: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, give: resolve }
}

// Some within the turn of the loop, some over it: the embedded database settles each turn alone.
function shortWork(n: number): unknown {
  return n % 16 === 0 ? new Promise(setImmediate) : undefined
}
