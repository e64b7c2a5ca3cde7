import { lossesOf, readAppliedMigrations, readDatabaseFacts } from '../store/database-facts.ts'
import { readMigrations } from '../store/migration-files.ts'
import { readNodeSettings } from '../store/node-descriptions.ts'
import { checkSeesAll } from './operator.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { toldSettings, type Setting } from './setting.ts'
import { readTold, toldNodeShape, type DescribedNode } from './told-nodes.ts'

const variantShape = z.object({
  nodes: z.array(z.string()).describe('Boot ids'),
  value: z.string().describe('Secrets read •••'),
  unless: z.string().describe('What it is unless set; empty: it cannot be set'),
  isSet: z.boolean(),
})

const mergedShape = z.object({
  name: z.string(),
  group: z.string(),
  isOwn: z.boolean().describe('Whether each node has one of its own: its name, say'),
  variants: z.array(variantShape).describe('More than one where nodes differ'),
})

type Merged = z.infer<typeof mergedShape>

/** What nodes are configured with, and what they stand on. */
export function settingsRoutes(parts: DescribedNode): OperatorRoute[] {
  const { database, self } = parts
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/settings',
      role: 'observer',
      summary: 'What the nodes are configured with, without secrets, and what their database keeps.',
      output: z.object({
        nodes: z.array(toldNodeShape),
        settings: z.array(mergedShape),
        isSameOnAll: z
          .boolean()
          .describe('Whether all nodes that told have the same, but for what is their own'),
        database: z.object({
          kind: z.enum(['postgres', 'pglite']),
          version: z.string(),
          name: z.string(),
          user: z.string(),
          schema: z.string(),
          isDurable: z.boolean().describe('Whether what was accepted survives a crash of the machine'),
          losses: z.array(z.string()).describe('What it may lose, in sentences'),
          fsync: z.string(),
          synchronousCommit: z.string(),
          synchronousStandbys: z.string().describe('Standbys that a commit waits for; empty: none'),
        }),
        migrations: z.array(z.object({ number: z.number(), name: z.string(), appliedAt: z.date() })),
        migrationsKnown: z.number().describe('The number of the last one that this release has'),
      }),
      handle: async ({ operator }) => {
        checkSeesAll(operator)
        const texts = await readNodeSettings(driver, schema)
        texts.set(self.bootId, self.describe().settings)
        const { nodes, told } = await readTold(parts, texts, toldSettings)
        const facts = await readDatabaseFacts(driver, schema)
        const losses = lossesOf(driver.kind, facts)
        const applied = await readAppliedMigrations(driver, schema)
        const settings = mergeSettings(told)
        return {
          nodes,
          settings,
          isSameOnAll: settings.every(
            ({ isOwn, variants }) => isOwn || variants[0]?.nodes.length === told.size,
          ),
          database: { kind: driver.kind, schema, isDurable: losses.length === 0, losses, ...facts },
          migrations: applied.map(({ appliedAt, ...one }) => ({ ...one, appliedAt: new Date(appliedAt) })),
          migrationsKnown: (await readMigrations()).at(-1)?.number ?? 0,
        }
      },
    }),
  ]
}

/** One of each name, in the order of the node that is asked; each value stands once, that of most nodes first. */
function mergeSettings(told: ReadonlyMap<string, readonly Setting[]>): Merged[] {
  const merged = new Map<string, Merged>()
  for (const [node, settings] of told)
    for (const { name, group, isOwn, value, unless, isSet } of settings) {
      const setting = merged.get(name) ?? { name, group, isOwn, variants: [] }
      merged.set(name, setting)
      const same = setting.variants.find(
        (one) => one.value === value && one.isSet === isSet && one.unless === unless,
      )
      if (same) same.nodes.push(node)
      else setting.variants.push({ nodes: [node], value, unless, isSet })
    }
  return [...merged.values()].map(({ variants, ...setting }) => ({
    ...setting,
    variants: variants.toSorted((a, b) => b.nodes.length - a.nodes.length),
  }))
}
