/** What one statement asks for. */
const maxAtOnce = 500

interface Gathering<Row> {
  readonly keys: Set<string>
  readonly rows: Promise<ReadonlyMap<string, Row>>
}

/** Looks rows up, one statement at a time for all who ask meanwhile: guessers cannot take the connections of others. */
export class GatheredLookUp<Row> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Row>>
  #gathering: Gathering<Row> | undefined
  #asking: Promise<unknown> = Promise.resolve()

  /** @param read the rows of these keys, by them */
  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Row>>) {
    this.#read = read
  }

  /** @throws what reading throws */
  find(key: string): Promise<Row | undefined> {
    if (!this.#gathering || this.#gathering.keys.size >= maxAtOnce) this.#gathering = this.#gather()
    const { keys, rows } = this.#gathering
    keys.add(key)
    return rows.then((found) => found.get(key))
  }

  #gather(): Gathering<Row> {
    const keys = new Set<string>()
    const rows = this.#asking.then(() => {
      if (this.#gathering?.keys === keys) this.#gathering = undefined
      return this.#read([...keys])
    })
    this.#asking = rows.catch(() => undefined)
    return { keys, rows }
  }
}
