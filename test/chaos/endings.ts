import { within } from './wait-until.ts'

const limitMs = 60_000

/** What a case has begun, and how each is ended, so that nothing is left however it goes: the last one first, each within a time. */
export class Endings {
  readonly #endings: { readonly what: string; readonly end: () => unknown }[] = []
  #isOver = false

  /** @throws Error where all has been ended: nothing may begin any more */
  add(what: string, end: () => unknown): void {
    if (this.#isOver) {
      void this.#end(what, end)
      throw new Error(`The case is over: there is to be no ${what} any more.`)
    }
    this.#endings.push({ what, end })
  }

  /** @returns what could not be ended, and why */
  async end(): Promise<string[]> {
    this.#isOver = true
    const problems: string[] = []
    for (let one = this.#endings.pop(); one; one = this.#endings.pop()) {
      const problem = await this.#end(one.what, one.end)
      if (problem !== undefined) problems.push(problem)
    }
    return problems
  }

  async #end(what: string, end: () => unknown): Promise<string | undefined> {
    try {
      await within(`the ${what} has ended`, limitMs, Promise.resolve().then(end))
      return undefined
    } catch (error) {
      return `${what}: ${(error as Error).message}`
    }
  }
}
