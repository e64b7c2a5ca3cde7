import { brandOf, markBrand } from '../base/errors.ts'

export type HandledKind = 'queue-processor' | 'service'
export type DefinitionKind = HandledKind | 'request-processor'

/** What `define*` makes: the options as they were given. They are checked when a node is created, all at once. */
export interface Declared {
  readonly kind: DefinitionKind | 'application'
  readonly name: string
  /** An object of options; whatever else it was given where that is none. */
  readonly options: unknown
}

/** Freezes what was given under a brand. Never throws, whatever it is given: the registry tells what is wrong. */
export function declare<Kind extends Declared['kind'], More extends object>(
  kind: Kind,
  given: unknown,
  more: More,
): { readonly kind: Kind; readonly name: string; readonly options: unknown } & More {
  const options = copyOptions(given) ?? given
  const name = nameOf(options)
  const made = { kind, name, options, ...more }
  markBrand(made, kind)
  return Object.freeze(made)
}

/** Declares what may come apart from its handler: without one, `declared.process(handler)` gives the handled one. */
export function declareApart(kind: HandledKind, given: unknown): Declared {
  const handlerName = handlerOf(kind)
  const options = copyOptions(given)
  if (options?.[handlerName] !== undefined) return declare(kind, options, {})
  return declare(kind, given, {
    [handlerName]: (handler: unknown) =>
      declare(kind, options ? { ...options, [handlerName]: handler ?? null } : given, {}),
  })
}

/** Whether `define*` made the value, in this copy of the package or another. */
export function isDeclared(value: unknown): value is Declared {
  const brand = brandOf(value)
  return (
    brand === 'queue-processor' ||
    brand === 'service' ||
    brand === 'request-processor' ||
    brand === 'application'
  )
}

/** A frozen copy of an object of options, or undefined where the value is none or cannot be read. */
export function copyOptions(given: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
    return Object.freeze({ ...given })
  } catch {
    return undefined
  }
}

/** Which option holds the handler. */
export function handlerOf(kind: HandledKind): 'process' | 'run' {
  return kind === 'service' ? 'run' : 'process'
}

function nameOf(options: unknown): string {
  try {
    const name = (options as { name?: unknown } | null | undefined)?.name
    return typeof name === 'string' ? name : ''
  } catch {
    return ''
  }
}
