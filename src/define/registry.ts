import { showValue } from '../base/shown-value.ts'
import type { PlacedDefinition } from './application-stack.ts'
import { placeDefinitions } from './application-stack.ts'
import type { Application } from './application.ts'
import { copyOptions, handlerOf } from './declared.ts'
import { definitionId, readDefinition } from './definition-options.ts'
import type { Definition, Registry } from './definition.ts'
import { OptionReader } from './option-reader.ts'

/**
 * Resolves a stack of applications: an earlier one, and one that uses another, overrides the other's definition of the
 * same kind and name as a whole. A declaration without a handler takes no handler away: it lays its options over those of
 * the definition that has one. Never throws.
 * @returns the definitions with all defaults in place, and all problems at once, each a sentence
 */
export function resolveApplications(applications: readonly Application[]): {
  registry: Registry
  problems: string[]
} {
  const problems: string[] = []
  const report = (problem: string): void =>
    void problems.push(/[.?]$/.test(problem) ? problem : `${problem}.`)
  const definitions = new Map<string, Definition>()
  const placed = placeDefinitions(applications, report)
  const named = Map.groupBy(placed, ({ kind, declared }) =>
    declared.name === '' ? undefined : definitionId(kind, declared.name),
  )
  for (const [id, layers] of named) {
    if (id === undefined) {
      for (const layer of layers) resolveLayers([layer], report)
      continue
    }
    const definition = resolveLayers(layers, report)
    if (definition) definitions.set(id, definition)
  }
  checkOrderScopes(definitions, report)
  checkPaths(definitions, report)
  return { registry: Object.freeze({ definitions }), problems }
}

type Report = (problem: string) => void

/** @param layers what each application says of one definition, from the top of the stack down */
function resolveLayers(layers: readonly PlacedDefinition[], report: Report): Definition | undefined {
  const [top] = layers
  const origin = layers.at(-1)
  if (!top || !origin) return undefined
  const options = layOver(layers, report)
  if (!options) return undefined
  const reader = new OptionReader(options, (problem) => report(`${top.label}: ${problem}`))
  return readDefinition(top.kind, top.declared.name, reader, origin.application)
}

/** The options of the first layer with a handler, under those of the declarations above it. */
function layOver(layers: readonly PlacedDefinition[], report: Report): Record<string, unknown> | undefined {
  const above: Record<string, unknown>[] = []
  for (const { label, kind, declared } of layers) {
    const options = copyOptions(declared.options)
    if (!options) {
      report(
        `${label}: it was given ${showValue(declared.options)}; give an object of options that can be read`,
      )
      return undefined
    }
    above.push(options)
    if (options[handlerOf(kind)] !== undefined)
      return Object.assign({}, ...above.toReversed()) as Record<string, unknown>
  }
  // nobody has a handler: the top declaration stands as it is
  return above[0]
}

/** Items of one scope and key run in order by the owner of one partition, so a scope cannot span queues. */
function checkOrderScopes(definitions: ReadonlyMap<string, Definition>, report: Report): void {
  for (const [scope, members] of Map.groupBy(definitions.values(), (definition) => definition.orderScope)) {
    const [first, ...others] = members
    const stray = others.find((other) => other.queue !== first?.queue)
    if (first && stray)
      report(
        `orderGroup ${showValue(scope)} has definitions on different queues: ${place(first)} and ${place(stray)}; order holds within one queue, so put them on one, or give them groups of their own`,
      )
  }
}

function place({ id, application, queue }: Definition): string {
  return `"${id}" of application "${application}" on "${queue}"`
}

function checkPaths(definitions: ReadonlyMap<string, Definition>, report: Report): void {
  const services = [...definitions.values()].filter((definition) => definition.service)
  for (const [path, members] of Map.groupBy(services, (definition) => definition.service?.path)) {
    if (members.length < 2) continue
    const names = members
      .map((member) => `"${member.name}" of application "${member.application}"`)
      .join(' and ')
    report(`Services ${names} have the same http.path ${showValue(path)}; give each its own`)
  }
}
