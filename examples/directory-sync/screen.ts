/** Progress as one line that is written over on a terminal, and as a line now and then elsewhere. */
export class Screen {
  readonly #quiet: boolean
  readonly #isTerminal = process.stdout.isTTY === true
  #line = ''
  #plainAt = Number.NEGATIVE_INFINITY

  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  /** Something to stay. */
  say(text: string): void {
    this.#clear()
    process.stdout.write(`${text}\n`)
  }

  progress(text: string): void {
    if (this.#quiet || text === this.#line) return
    if (this.#isTerminal) {
      process.stdout.write(`\r${text}\u001b[K`)
      this.#line = text
    } else if (performance.now() - this.#plainAt >= 2000) {
      this.#plainAt = performance.now()
      process.stdout.write(`${text}\n`)
    }
  }

  #clear(): void {
    if (this.#line !== '') process.stdout.write('\r\u001b[K')
    this.#line = ''
  }
}
