import { hasHandler, type PlacedApplication, type PlacedDefinition } from './application-stack.ts'
import type { DefinitionKind } from './declared.ts'

/** An application in its place in the stack, and what becomes of its definitions there. */
export interface StackedApplication {
  readonly name: string
  /** Names of those that it uses itself. */
  readonly uses: readonly string[]
  readonly definitions: readonly StackedDefinition[]
}

/** What becomes of a definition in a stack of applications. */
export interface StackedDefinition {
  readonly kind: DefinitionKind
  readonly name: string
  /** `lies-over`: a declaration without a handler, whose options lie over those of the effective one. */
  readonly standing: 'effective' | 'lies-over' | 'overridden'
  /** The application whose definition is effective in its place, or under it. */
  readonly by?: string
  /** Of an effective one: applications whose definitions it overrides, from the top down. */
  readonly overrides?: readonly string[]
  /** Of an effective one: applications whose options lie over its own. */
  readonly under?: readonly string[]
}

/** Says of each definition whether it is effective, and what overrides what. */
export function stackUp(applications: readonly PlacedApplication[]): StackedApplication[] {
  const placed = applications.flatMap(({ definitions }) => definitions)
  const stood = new Map<PlacedDefinition, StackedDefinition>()
  for (const layers of Map.groupBy(placed, ({ kind, declared }) => `${kind} ${declared.name}`).values())
    for (const [at, layer] of layers.entries()) stood.set(layer, standingOf(layer, at, layers))
  return applications.map(({ name, uses, definitions }) =>
    Object.freeze({ name, uses, definitions: definitions.flatMap((one) => stood.get(one) ?? []) }),
  )
}

/** @param layers what each application says of one definition, from the top of the stack down */
function standingOf(
  { kind, declared: { name } }: PlacedDefinition,
  at: number,
  layers: readonly PlacedDefinition[],
): StackedDefinition {
  // where nobody has a handler the top declaration stands
  const effectiveAt = Math.max(0, layers.findIndex(hasHandler))
  const named = { kind, name }
  const by = layers[effectiveAt]?.application
  if (at < effectiveAt) return { ...named, standing: 'lies-over', ...(by !== undefined && { by }) }
  if (at > effectiveAt) return { ...named, standing: 'overridden', ...(by !== undefined && { by }) }
  const names = (from: number, to: number) => layers.slice(from, to).map(({ application }) => application)
  const overrides = names(at + 1, layers.length)
  const under = names(0, at)
  return {
    ...named,
    standing: 'effective',
    ...(overrides.length > 0 && { overrides }),
    ...(under.length > 0 && { under }),
  }
}
