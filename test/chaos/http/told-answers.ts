/** What callers of a key were told: which is to be the same for all of them. */
export class ToldAnswers {
  readonly #told = new Map<string, { readonly answers: Set<string>; news: number }>()

  /** @param isNew whether the answer was the first one, and not a repetition of it */
  add(key: string, answer: string, isNew: boolean): void {
    const told = this.#told.get(key) ?? { answers: new Set(), news: 0 }
    this.#told.set(key, told)
    told.answers.add(answer)
    if (isNew) told.news++
  }

  get keys(): number {
    return this.#told.size
  }

  /** Keys of which somebody was told another answer. */
  get several(): number {
    return [...this.#told.values()].filter(({ answers }) => answers.size > 1).length
  }

  /** Keys whose answer was a first one more than once. */
  get newAgain(): number {
    return [...this.#told.values()].filter(({ news }) => news > 1).length
  }
}
