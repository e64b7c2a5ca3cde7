import { z } from './schema.ts'
import {
  acceptFacts,
  definitionKind,
  runFacts,
  standing,
  type ToldApplication,
  type ToldDefinition,
} from './told-application.ts'

const nodes = z.array(z.string()).describe('Boot ids')

const variantShape = z.object({
  nodes,
  runsOn: nodes.describe('Those of them that have its handler'),
  standing,
  by: z.string().optional().describe('The application whose definition is effective instead, or under it'),
  overrides: z.array(z.string()).optional(),
  under: z.array(z.string()).optional().describe('Applications whose options lie over its own'),
  accept: acceptFacts.optional(),
  run: runFacts.optional(),
})

export const applicationsShape = z.object({
  stacks: z
    .array(z.object({ applications: z.array(z.string()), nodes }))
    .describe('The order that applications stack in, from the top; more than one where nodes differ'),
  applications: z.array(
    z.object({
      name: z.string(),
      isBuiltIn: z.boolean(),
      nodes,
      uses: z.array(z.string()),
      definitions: z.array(
        z.object({
          kind: definitionKind,
          name: z.string(),
          variants: z.array(variantShape).describe('More than one where nodes differ'),
        }),
      ),
    }),
  ),
  isSameOnAll: z.boolean().describe('Whether all nodes that told say the same'),
})

type Applications = z.infer<typeof applicationsShape>
type Variant = z.infer<typeof variantShape>

/** What nodes say of their applications, put together: what they agree on stands once. */
export function mergeApplications(told: ReadonlyMap<string, readonly ToldApplication[]>): Applications {
  const stacks = stacksOf(told)
  const applications = mergeNames(stacks.map((stack) => stack.applications)).map((name) =>
    mergeApplication(name, told),
  )
  const isOnAll = applications.every(
    (one) =>
      one.nodes.length === told.size &&
      one.definitions.every(({ variants }) => variants[0]?.nodes.length === told.size),
  )
  return { stacks, applications, isSameOnAll: stacks.length < 2 && isOnAll }
}

/** Each order that there is, that of most nodes first. */
function stacksOf(told: ReadonlyMap<string, readonly ToldApplication[]>): Applications['stacks'] {
  const stacks = new Map<string, { applications: string[]; nodes: string[] }>()
  for (const [node, applications] of told) {
    const names = applications.map(({ name }) => name)
    const stack = stacks.get(names.join(' ')) ?? { applications: names, nodes: [] }
    stack.nodes.push(node)
    stacks.set(names.join(' '), stack)
  }
  return [...stacks.values()].toSorted((a, b) => b.nodes.length - a.nodes.length)
}

/** All names: those of the first list in its order, each other one behind the name that it follows in its own list. */
function mergeNames(lists: readonly (readonly string[])[]): string[] {
  const merged: string[] = []
  for (const list of lists)
    for (const [at, name] of list.entries()) {
      if (merged.includes(name)) continue
      const before = list[at - 1]
      merged.splice(before === undefined ? 0 : merged.indexOf(before) + 1, 0, name)
    }
  return merged
}

function mergeApplication(
  name: string,
  told: ReadonlyMap<string, readonly ToldApplication[]>,
): Applications['applications'][number] {
  const holders = new Map<string, ToldApplication>()
  for (const [node, applications] of told) {
    const found = applications.find((one) => one.name === name)
    if (found) holders.set(node, found)
  }
  const definitions = new Map<string, { kind: ToldDefinition['kind']; name: string; variants: Variant[] }>()
  for (const [node, application] of holders)
    for (const one of application.definitions) {
      const id = `${one.kind} ${one.name}`
      const merged = definitions.get(id) ?? { kind: one.kind, name: one.name, variants: [] }
      addTo(merged.variants, node, one)
      definitions.set(id, merged)
    }
  return {
    name,
    isBuiltIn: [...holders.values()].every(({ isBuiltIn }) => isBuiltIn),
    nodes: [...holders.keys()],
    uses: [...new Set([...holders.values()].flatMap(({ uses }) => uses))],
    definitions: [...definitions.values()]
      .map(({ variants, ...one }) => ({
        ...one,
        variants: variants.toSorted((a, b) => b.nodes.length - a.nodes.length),
      }))
      .toSorted((a, b) => (a.kind === b.kind ? compare(a.name, b.name) : compare(a.kind, b.kind))),
  }
}

/** A node without the handler is of the same mind as those with it: where something runs is no difference of what it is. */
function addTo(variants: Variant[], node: string, told: ToldDefinition): void {
  const { standing, by, overrides, under, accept, run } = told
  const same = variants.find(
    (one) => textOf(one) === textOf(told) && (!run || !one.run || isSameRun(one.run, run)),
  )
  const variant = same ?? {
    nodes: [],
    runsOn: [],
    standing,
    ...(by !== undefined && { by }),
    ...(overrides && { overrides }),
    ...(under && { under }),
    ...(accept && { accept }),
  }
  if (!same) variants.push(variant)
  variant.nodes.push(node)
  if (!run) return
  variant.runsOn.push(node)
  variant.run ??= run
}

/** Equal where two are the same but for where they run: what was read by one schema has its members in one order. */
function textOf({ standing, by, overrides, under, accept }: Omit<ToldDefinition, 'kind' | 'name'>): string {
  return JSON.stringify([standing, by, overrides, under, accept])
}

function isSameRun(a: NonNullable<Variant['run']>, b: NonNullable<Variant['run']>): boolean {
  return a.concurrency === b.concurrency && a.timeoutMs === b.timeoutMs
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
