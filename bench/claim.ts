/** One claim: a file in `bench/claims` each. */
export interface Claim {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** What was measured and how, for the reader of the figures. */
  readonly how: string
  /** What stands beside us. */
  readonly peer: string
  readonly measures: readonly Measure[]
}

/** One thing measured on both sides, in alternation. */
export interface Measure {
  readonly title: string
  readonly figures: readonly Figure[]
  readonly coatcheck: Subject
  readonly peer: Subject
}

export interface Figure {
  /** A key of what the subjects answer. */
  readonly name: string
  readonly unit: 'items/s' | 'requests/s' | 'ms'
  /** How many times better than the peer we want to be; undefined: for information. */
  readonly bar?: number
}

/** How one side is measured. */
export interface Subject {
  /** Numbers of items and settings, shown with the figures. */
  readonly conditions: string
  /** Measures once, in the database of that URL, which is empty and its own. */
  run(url: string): Promise<Readonly<Record<string, number>>>
}

/** How large the measurements are. Quick ones say only that they work. */
export type Size = 'full' | 'quick'
