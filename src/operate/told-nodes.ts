import type { QueueFigures } from '../engine/queue-figures.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { NodeDescription } from '../store/node-descriptions.ts'
import { z } from './schema.ts'

/** What is needed to say what nodes were made with. */
export interface DescribedNode {
  readonly database: OpenDatabase
  readonly figures: QueueFigures
  /** This node. One that runs no items stands in no table, and is told of by itself alone. */
  readonly self: {
    readonly bootId: string
    readonly name: string
    readonly version: string
    readonly types: readonly string[]
    readonly describe: () => NodeDescription
  }
}

export const toldNodeShape = z.object({
  bootId: z.string(),
  name: z.string(),
  version: z.string(),
  types: z.array(z.string()),
  isAsked: z.boolean().describe('Whether it is the node that answers this'),
  hasTold: z.boolean().describe('False for a moment after its start, and of releases that do not tell it'),
})

export type ToldNode = z.infer<typeof toldNodeShape>

/** What living nodes said, those of which nothing can be read left out. */
export interface Told<T> {
  /** All that live, the one that is asked first. */
  readonly nodes: ToldNode[]
  /** By boot id, in the same order. */
  readonly told: ReadonlyMap<string, T>
}

/**
 * Reads what nodes said. Of another release it may be of another shape: that node is as one that said nothing.
 * @param texts JSON by boot id; that of the node that is asked is there as it is at the moment
 */
export async function readTold<T>(
  { figures, self }: DescribedNode,
  texts: ReadonlyMap<string, string>,
  shape: z.ZodType<T>,
): Promise<Told<T>> {
  const read = new Map<string, T | undefined>()
  const readOnce = (text: string | undefined): T | undefined => {
    if (text === undefined) return undefined
    if (!read.has(text)) read.set(text, readJson(text, shape))
    return read.get(text)
  }
  const seen = await figures.read()
  const others = seen.nodes.filter(({ isAlive, bootId }) => isAlive && bootId !== self.bootId)
  const told = new Map<string, T>()
  const nodes = [self, ...others].map(({ bootId, name, version, types }) => {
    const said = readOnce(texts.get(bootId))
    if (said !== undefined) told.set(bootId, said)
    const isAsked = bootId === self.bootId
    return { bootId, name, version, types: [...types], isAsked, hasTold: said !== undefined }
  })
  return { nodes, told }
}

function readJson<T>(text: string, shape: z.ZodType<T>): T | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
