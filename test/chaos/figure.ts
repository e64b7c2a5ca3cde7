/** A figure of a case beside the one it has to meet. */
export interface Figure {
  readonly what: string
  readonly value: string
  /** What it has to be; `–` where it is only told. */
  readonly bar: string
  readonly ok: boolean
  /** A time or a rate: it tells of the machine as well, and of what else runs there. */
  readonly isTimed: boolean
}

export function atMost(what: string, value: number, bar: number, unit = ''): Figure {
  return {
    what,
    value: show(value, unit),
    bar: `≤ ${show(bar, unit)}`,
    ok: value <= bar,
    isTimed: unit !== '',
  }
}

export function atLeast(what: string, value: number, bar: number, unit = ''): Figure {
  return {
    what,
    value: show(value, unit),
    bar: `≥ ${show(bar, unit)}`,
    ok: value >= bar,
    isTimed: unit !== '',
  }
}

export function none(what: string, value: number): Figure {
  return { what, value: String(value), bar: '0', ok: value === 0, isTimed: false }
}

/** Told, and held against nothing. */
export function told(what: string, value: number, unit = ''): Figure {
  return { what, value: show(value, unit), bar: '–', ok: true, isTimed: false }
}

function show(value: number, unit: string): string {
  const rounded = Math.abs(value) >= 10 || Number.isInteger(value) ? Math.round(value) : value.toFixed(2)
  return `${typeof rounded === 'number' ? rounded.toLocaleString('en-US') : rounded}${unit && ` ${unit}`}`
}
