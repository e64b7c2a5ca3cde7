import { definitionId } from '../define/definition-options.ts'
import { queuesOf, type Definition, type Registry } from '../define/definition.ts'
import type { StackedDefinition } from '../define/stacked-application.ts'
import { z } from './schema.ts'

export const standing = z.enum(['effective', 'lies-over', 'overridden'])
export const definitionKind = z.enum(['queue-processor', 'service', 'request-processor'])

/** What holds for an effective definition wherever its items are accepted. */
export const acceptFacts = z.object({
  application: z.string().optional().describe('The one that first declared it: part of its path'),
  queues: z.array(z.string()),
  path: z.string().optional(),
  execution: z.enum(['immediate', 'queue']).optional(),
  requestProcessor: z.string().optional(),
  roles: z.array(z.string()).optional(),
  isKeyed: z.boolean().optional(),
  order: z.enum(['strict', 'relaxed']).optional(),
  onBroken: z.enum(['continue', 'block']).optional(),
  tracking: z.enum(['all', 'failures']).optional(),
  maxAttempts: z.number(),
  keptMs: z.object({ succeeded: z.number(), cancelled: z.number(), broken: z.number() }),
  keptUntilRetrieved: z.boolean(),
  maxPayloadBytes: z.number().optional(),
  secret: z.array(z.string()).describe('JSON Pointers to what of the payload is hidden'),
})

/** What holds where it runs. */
export const runFacts = z.object({
  concurrency: z.number().describe('On each node, unless its queue says otherwise'),
  timeoutMs: z.number(),
})

const toldDefinition = z.object({
  kind: definitionKind,
  name: z.string(),
  standing,
  by: z.string().optional(),
  overrides: z.array(z.string()).optional(),
  under: z.array(z.string()).optional(),
  accept: acceptFacts.optional(),
  run: runFacts.optional(),
})

export type ToldDefinition = z.infer<typeof toldDefinition>

/** What a node tells of its applications. Nodes of other releases may tell more, which is left out. */
const toldApplication = z.object({
  name: z.string(),
  uses: z.array(z.string()),
  isBuiltIn: z.boolean(),
  definitions: z.array(toldDefinition),
})

export type ToldApplication = z.infer<typeof toldApplication>

/** What a node is made of, the top of the stack first; what every node has stands last. */
export function tellApplications(
  { stack, requestProcessors, definitions: own }: Registry,
  definitions: ReadonlyMap<string, Definition>,
): ToldApplication[] {
  const factsOf = ({ kind, name }: StackedDefinition): Pick<ToldDefinition, 'accept' | 'run'> => {
    if (kind !== 'request-processor') {
      const definition = definitions.get(definitionId(kind, name))
      return definition ? tellDefinition(definition) : {}
    }
    const settings = requestProcessors.get(name)
    if (!settings) return {}
    const queues = [...new Set([...settings.choices, settings.last].map(({ queue }) => queue))]
    return { accept: { queues, ...tellKept(settings), secret: [] } }
  }
  const told = stack.map(({ name, uses, definitions: stacked }) => ({
    name,
    uses: [...uses],
    isBuiltIn: false,
    definitions: stacked.map(({ overrides, under, ...one }) => ({
      ...one,
      ...(overrides && { overrides: [...overrides] }),
      ...(under && { under: [...under] }),
      ...(one.standing === 'effective' && factsOf(one)),
    })),
  }))
  const builtIn = [...definitions.values()].filter(({ id }) => !own.has(id))
  const builtInOnes = [...Map.groupBy(builtIn, ({ application }) => application)].map(([name, some]) => ({
    name,
    uses: [],
    isBuiltIn: true,
    definitions: some.map((one) => ({
      kind: one.kind,
      name: one.name,
      standing: 'effective' as const,
      ...tellDefinition(one),
    })),
  }))
  return [...told, ...builtInOnes]
}

function tellDefinition(definition: Definition): Pick<ToldDefinition, 'accept' | 'run'> {
  const { application, service, requestProcessor, key, order, onBroken, tracking } = definition
  const { maxPayloadBytes, secret = [], run, concurrency, timeoutMs } = definition
  return {
    accept: {
      application,
      queues: queuesOf(definition),
      ...(service && { path: service.path, execution: service.execution }),
      ...(requestProcessor !== undefined && { requestProcessor }),
      ...(service?.roles && { roles: [...service.roles] }),
      isKeyed: key !== undefined,
      order,
      onBroken,
      tracking,
      ...tellKept(definition),
      maxPayloadBytes,
      secret: [...secret],
    },
    ...(run && { run: { concurrency, timeoutMs } }),
  }
}

function tellKept({ retry, retention }: Pick<Definition, 'retry' | 'retention'>) {
  const { succeededMs, cancelledMs, brokenMs, untilRetrieved } = retention
  return {
    maxAttempts: retry.maxAttempts,
    keptMs: { succeeded: succeededMs, cancelled: cancelledMs, broken: brokenMs },
    keptUntilRetrieved: untilRetrieved,
  }
}

export const toldApplications = z.array(toldApplication)
