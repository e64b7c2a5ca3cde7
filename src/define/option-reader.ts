import { durationMs } from '../base/duration.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import { sizeBytes } from '../base/size.ts'
import { unknownOption } from '../base/suggestion.ts'
import { copyOptions } from './declared.ts'

/** Told each problem: the end of a sentence that begins with whose option it is. */
export type Report = (problem: string) => void

interface NumberRange {
  readonly from: number
  readonly to: number
  readonly unless: number
}

interface NamedRange extends NumberRange {
  /** The range in words: `1 ms to 7 days`. */
  readonly words: string
}

function isShowable(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && /^[^\p{Cc}]{1,255}$/u.test(value)
}

function isPointer(value: unknown): value is string {
  return isShowable(value) && /^(?:\/(?:[^~/]|~[01])*)+$/.test(value)
}

/** Reads options one by one and reports what is wrong with them; a wrong one reads as its default. */
export class OptionReader {
  readonly options: Readonly<Record<string, unknown>>
  readonly #report: Report
  /** `retry.` within the options of `retry`. */
  readonly #prefix: string

  constructor(options: Readonly<Record<string, unknown>>, report: Report, prefix = '') {
    this.options = options
    this.#report = report
    this.#prefix = prefix
  }

  isSet(name: string): boolean {
    return this.options[name] !== undefined
  }

  #get(name: string, unless: unknown): unknown {
    const value = this.options[name]
    return value === undefined ? unless : value
  }

  /** Reports a problem that begins with the name of the option itself. */
  report(problem: string): void {
    this.#report(`${this.#prefix}${problem}`)
  }

  /** Reports `name is value; way`. */
  refuse(name: string, way: string): void {
    this.#report(`${this.#prefix}${name} is ${showValue(this.options[name])}; ${way}`)
  }

  /** Reports `name way`, without the value: it holds a secret, or too much. */
  refuseUnseen(name: string, way: string): void {
    this.#report(`${this.#prefix}${name} ${way}`)
  }

  /** Reports the options that nobody knows. */
  onlyKnown(known: readonly string[], hints: Readonly<Record<string, string>> = {}): void {
    for (const name of Object.keys(this.options)) {
      if (known.includes(name)) continue
      const hint = Object.hasOwn(hints, name) ? hints[name] : undefined
      this.#report(
        hint === undefined
          ? unknownOption(name, known, this.#prefix)
          : `unknown option "${this.#prefix}${name}"; ${hint}`,
      )
    }
  }

  /** A name of ours, as applications, definitions and order groups have. */
  name(option: string): string | undefined {
    const value = this.options[option]
    if (typeof value === 'string' && /^[a-z][a-z0-9-]{0,62}$/.test(value)) return value
    this.refuse(option, 'write lower-case letters, digits and hyphens, a letter first, at most 63 characters')
    return undefined
  }

  wholeNumber(name: string, { from, to, unless }: NumberRange): number {
    const value = this.#get(name, unless)
    if (typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to) return value
    this.refuse(name, `write a whole number from ${showNumber(from)} to ${showNumber(to)}`)
    return unless
  }

  number(name: string, { from, to, unless }: NumberRange): number {
    const value = this.#get(name, unless)
    if (typeof value === 'number' && value >= from && value <= to) return value
    this.refuse(name, `write a number from ${showNumber(from)} to ${showNumber(to)}`)
    return unless
  }

  duration(name: string, { from, to, unless, words }: NamedRange): number {
    const value = this.#get(name, unless)
    const milliseconds = durationMs(value)
    if (milliseconds !== undefined && milliseconds >= from && milliseconds <= to) return milliseconds
    const way =
      milliseconds === undefined
        ? `write milliseconds as a number, or text such as '20s' or '5 minutes'`
        : `write a duration of ${words}`
    this.refuse(name, way)
    return unless
  }

  size(name: string, { from, to, unless, words }: NamedRange): number {
    const value = this.#get(name, unless)
    const bytes = sizeBytes(value)
    if (bytes !== undefined && bytes >= from && bytes <= to) return bytes
    this.refuse(
      name,
      bytes === undefined
        ? `write bytes as a number, or text such as '200 kB' or '1 MB'`
        : `write a size of ${words}`,
    )
    return unless
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    const choice = choices.find((each) => each === value)
    if (choice === undefined) this.refuse(name, `write ${choices.map((each) => `'${each}'`).join(' or ')}`)
    return choice
  }

  flag(name: string, unless: boolean): boolean {
    const value = this.#get(name, unless)
    if (typeof value === 'boolean') return value
    this.refuse(name, 'write true or false')
    return unless
  }

  /** Text of 1 to 255 characters that can be shown. */
  text(name: string): string | undefined {
    const value = this.options[name]
    if (value === undefined || isShowable(value)) return value
    this.refuse(name, 'write text of 1 to 255 characters, without control characters')
    return undefined
  }

  /** @param example how such a list is written */
  texts(name: string, example: string): readonly string[] | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length > 0 && value.every(isShowable)) return Object.freeze([...value])
    this.refuse(name, `give a list of at least one text of 1 to 255 characters, such as ${example}`)
    return undefined
  }

  /** JSON Pointers (RFC 6901) to members. @param example how such a list is written */
  pointers(name: string, example: string): readonly string[] | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length > 0 && value.length <= 100 && value.every(isPointer))
      return Object.freeze([...value])
    this.refuse(name, `give a list of 1 to 100 JSON Pointers, such as ${example}`)
    return undefined
  }

  /** @param example how such a function is written */
  fn<Fn>(name: string, example: string): Fn | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    if (typeof value === 'function') return value as Fn
    this.refuse(name, `give a function, such as ${example}`)
    return undefined
  }

  /** A list of options within an option: `jwt: [{ issuer }]`. Of what is none, none are read. */
  eachWithin(name: string, example: string): readonly OptionReader[] | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length > 0 && value.every((each) => copyOptions(each)))
      return value.map(
        (each, at) =>
          new OptionReader(copyOptions(each) ?? {}, this.#report, `${this.#prefix}${name}[${at}].`),
      )
    this.refuse(name, `give a list, such as ${example}`)
    return undefined
  }

  /** The options within an option: `retry: { maxAttempts: 3 }`. */
  within(name: string, example: string): OptionReader | undefined {
    const value = this.options[name]
    if (value === undefined) return undefined
    const options = copyOptions(value)
    if (options) return new OptionReader(options, this.#report, `${this.#prefix}${name}.`)
    this.refuse(name, `give an object, such as ${example}`)
    return undefined
  }

  /** The options within each entry of a list that is not empty; an entry that is none is undefined. Nothing where it is not set. */
  list(name: string, example: string): (OptionReader | undefined)[] {
    const value = this.options[name]
    if (value === undefined) return []
    const entries = entriesOf(value)
    if (entries.length === 0) this.refuse(name, `give an array that is not empty, such as [${example}]`)
    const named = Object.fromEntries(entries.map((entry, at) => [`${name}[${at}]`, entry]))
    const reader = new OptionReader(named, this.#report, this.#prefix)
    return Object.keys(named).map((each) => {
      if (named[each] !== undefined) return reader.within(each, example)
      reader.refuse(each, `give an object, such as ${example}`)
      return undefined
    })
  }
}

function entriesOf(value: unknown): unknown[] {
  try {
    return Array.isArray(value) ? Array.from(value as unknown[]) : []
  } catch {
    // told as what is no array
    return []
  }
}
