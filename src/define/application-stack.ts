import { showValue } from '../base/shown-value.ts'
import type { Declared, DefinitionKind } from './declared.ts'
import { copyOptions, handlerOf, isDeclared } from './declared.ts'
import { OptionReader } from './option-reader.ts'

/** A definition in its place. */
export interface PlacedDefinition {
  /** `Application "hr", queue processor "provision-account"`: how its problems begin. */
  readonly label: string
  readonly application: string
  readonly kind: DefinitionKind
  readonly declared: Declared
}

/** An application in its place. */
export interface PlacedApplication {
  readonly name: string
  /** Names of those that it uses itself. */
  readonly uses: readonly string[]
  readonly definitions: readonly PlacedDefinition[]
}

/**
 * Puts applications and those they use in order, whoever overrides before what it overrides, and lists their
 * definitions; in one application each kind and name stands once.
 * @param report told each problem, as a sentence without its full stop
 */
export function placeApplications(
  applications: unknown,
  report: (problem: string) => void,
): PlacedApplication[] {
  const ordered: Placed[] = []
  const seen = new Set<unknown>()
  for (const entry of listOf(applications, 'applications', report).toReversed())
    visit(entry, ordered, seen, report)
  const stack = ordered.toReversed()
  for (const [name, same] of Map.groupBy(stack, ({ declared }) => declared.name))
    if (name !== '' && same.length > 1)
      report(`${same.length} applications are named ${showValue(name)}; rename all but one`)
  return stack.map((application) => ({
    name: application.declared.name,
    uses: application.uses,
    definitions: readApplication(application, report),
  }))
}

interface Placed {
  readonly label: string
  readonly declared: Declared
  readonly uses: readonly string[]
}

/** Adds what an application uses, then itself: read backwards, everyone comes before what it overrides. */
function visit(
  { value, place }: Entry,
  ordered: Placed[],
  seen: Set<unknown>,
  report: (problem: string) => void,
): void {
  if (!isDeclared(value))
    return report(`${place} is ${showValue(value)}, which is no application; make it with defineApplication`)
  if (value.kind !== 'application')
    return report(
      `${place} is the ${nameDefinition(value)}; put it into an application: defineApplication({ name: '…', definitions: [it] })`,
    )
  if (seen.has(value)) return
  seen.add(value)
  const label = value.name === '' ? place : `Application ${showValue(value.name)}`
  const given = copyOptions(value.options)?.['uses']
  const used = given === undefined ? [] : listOf(given, `${label}: uses`, report)
  for (const below of used.toReversed()) visit(below, ordered, seen, report)
  const uses = used.flatMap((below) => (isDeclared(below.value) ? [below.value.name] : []))
  ordered.push({ label, declared: value, uses })
}

interface Entry {
  readonly value: unknown
  /** `applications[0]` */
  readonly place: string
}

function listOf(value: unknown, place: string, report: (problem: string) => void): Entry[] {
  try {
    if (Array.isArray(value))
      return Array.from(value, (entry: unknown, index) => ({ value: entry, place: `${place}[${index}]` }))
  } catch {
    // told below
  }
  report(`${place} is ${showValue(value)}; give an array`)
  return []
}

function readApplication({ label, declared }: Placed, report: (problem: string) => void): PlacedDefinition[] {
  const options = copyOptions(declared.options)
  if (!options) {
    report(
      `${label}: it was given ${showValue(declared.options)}; give an object of options that can be read`,
    )
    return []
  }
  const reader = new OptionReader(options, (problem) => report(`${label}: ${problem}`))
  reader.name('name')
  reader.onlyKnown(['name', 'definitions', 'uses'])
  const placed: PlacedDefinition[] = []
  for (const { value, place } of listOf(options['definitions'], `${label}: definitions`, report)) {
    if (!isDeclared(value))
      report(
        `${place} is ${showValue(value)}, which is no definition; make it with defineQueueProcessor, defineService or defineRequestProcessor`,
      )
    else if (value.kind === 'application')
      report(`${place} is the ${nameDefinition(value)}; put it into "uses"`)
    else
      placed.push({
        label: value.name === '' ? place : `${label}, ${nameDefinition(value)}`,
        application: declared.name,
        kind: value.kind,
        declared: value,
      })
  }
  return mergeSame(placed, report)
}

/** `queue processor "provision-account"` */
function nameDefinition({ kind, name }: Declared): string {
  return `${kind.replace('-', ' ')} ${showValue(name)}`
}

/** Makes one of a declaration and the definition with its handler; reports what is there twice. */
function mergeSame(
  placed: readonly PlacedDefinition[],
  report: (problem: string) => void,
): PlacedDefinition[] {
  const merged: PlacedDefinition[] = []
  for (const same of Map.groupBy(placed, ({ kind, declared }) => `${kind} ${declared.name}`).values()) {
    const [first, ...others] = same
    if (!first) continue
    if (first.declared.name === '' || others.length === 0) {
      merged.push(...same)
      continue
    }
    const handled = same.filter(hasHandler)
    const [one] = handled
    const apart = same.filter((each) => !hasHandler(each))
    if (handled.length > 1 || apart.length > 1 || !one)
      report(
        `${first.label}: it is there ${same.length} times; remove or rename all but one, or put the one that overrides into an application that uses this one`,
      )
    const options = one
      ? { ...copyOptions(apart[0]?.declared.options), ...copyOptions(one.declared.options) }
      : first.declared.options
    merged.push({ ...first, declared: { ...first.declared, options } })
  }
  return merged
}

/** Whether it says what to do, and not only what is asked for. */
export function hasHandler({ kind, declared }: PlacedDefinition): boolean {
  return kind !== 'request-processor' && copyOptions(declared.options)?.[handlerOf(kind)] !== undefined
}
