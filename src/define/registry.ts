import { showValue } from '../base/shown-value.ts'
import type { PlacedDefinition } from './application-stack.ts'
import { placeApplications } from './application-stack.ts'
import type { Application } from './application.ts'
import { copyOptions, handlerOf, type HandledKind } from './declared.ts'
import { definitionId, readDefinition } from './definition-options.ts'
import { queuesOf, type Definition, type Registry } from './definition.ts'
import { OptionReader } from './option-reader.ts'
import {
  checkClaims,
  readRequestProcessor,
  standardRequestProcessor,
  type QueueClaim,
  type RequestProcessorSettings,
} from './request-processor-options.ts'
import { stackUp } from './stacked-application.ts'

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
  const stack = placeApplications(applications, report)
  const placed = stack.flatMap((application) => application.definitions)
  const requestProcessors = resolveRequestProcessors(placed, report)
  const named = Map.groupBy(placed.filter(isHandled), ({ kind, declared }) =>
    declared.name === '' ? undefined : definitionId(kind, declared.name),
  )
  for (const [id, layers] of named) {
    if (id === undefined) {
      for (const layer of layers) resolveLayers([layer], requestProcessors, report)
      continue
    }
    const definition = resolveLayers(layers, requestProcessors, report)
    if (definition) definitions.set(id, definition)
  }
  checkOrderScopes(definitions, report)
  checkClaims(claimsOf(definitions), report)
  checkPaths(definitions, report)
  return {
    registry: Object.freeze({ definitions, stack: stackUp(stack), requestProcessors }),
    problems,
  }
}

type Report = (problem: string) => void

type Handled = PlacedDefinition & { readonly kind: HandledKind }

function isHandled(placed: PlacedDefinition): placed is Handled {
  return placed.kind !== 'request-processor'
}

/** By name: those that the applications define, the one highest in the stack, and the standard one. */
function resolveRequestProcessors(
  placed: readonly PlacedDefinition[],
  report: Report,
): Map<string, RequestProcessorSettings> {
  const name = standardRequestProcessor
  const known = new Map([[name, readRequestProcessor(name, new OptionReader({ name }, report))]])
  const own = new Set<string>()
  for (const { kind, label, declared } of placed) {
    if (kind !== 'request-processor' || (declared.name !== '' && own.has(declared.name))) continue
    own.add(declared.name)
    const options = copyOptions(declared.options)
    if (options) {
      const reader = new OptionReader(options, (problem) => report(`${label}: ${problem}`))
      known.set(declared.name, readRequestProcessor(declared.name, reader))
    } else
      report(
        `${label}: it was given ${showValue(declared.options)}; give an object of options that can be read`,
      )
  }
  return known
}

/** @param layers what each application says of one definition, from the top of the stack down */
function resolveLayers(
  layers: readonly Handled[],
  requestProcessors: ReadonlyMap<string, RequestProcessorSettings>,
  report: Report,
): Definition | undefined {
  const [top] = layers
  const origin = layers.at(-1)
  if (!top || !origin) return undefined
  const options = layOver(layers, report)
  if (!options) return undefined
  const reader = new OptionReader(options, (problem) => report(`${top.label}: ${problem}`))
  return readDefinition(top.kind, top.declared.name, reader, origin.application, requestProcessors)
}

/** The options of the first layer with a handler, under those of the declarations above it. */
function layOver(layers: readonly Handled[], report: Report): Record<string, unknown> | undefined {
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
    const stray = others.find((other) => first && namesOf(other) !== namesOf(first))
    if (first && stray)
      report(
        `orderGroup ${showValue(scope)} has definitions on different queues: ${place(first)} and ${place(stray)}; order holds within one queue, so put them on one, or give them groups of their own`,
      )
  }
}

function place(definition: Definition): string {
  return `"${definition.id}" of application "${definition.application}" on ${namesOf(definition)}`
}

function namesOf(definition: Definition): string {
  return queuesOf(definition)
    .map((queue) => `"${queue}"`)
    .join(' and ')
}

function claimsOf(definitions: ReadonlyMap<string, Definition>): QueueClaim[] {
  return [...definitions.values()].flatMap((definition) => {
    const { kind, name, requestProcessor, choices = [] } = definition
    const by = kind === 'service' ? `request processor "${requestProcessor}"` : `queue processor "${name}"`
    return [...choices, definition].map(({ queue, partitions, maxWaiting }) => ({
      queue,
      partitions,
      ...(maxWaiting !== undefined && { maxWaiting }),
      by,
    }))
  })
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
