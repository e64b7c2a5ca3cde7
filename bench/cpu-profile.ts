import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

export interface Share {
  readonly place: string
  /** Microseconds in the function itself, and in all that it called. */
  readonly selfUs: number
  readonly totalUs: number
}

/** Where a process spent its time between two moments of the monotonic clock, in microseconds; most of it first. */
export async function readCpuProfile(
  file: string,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Promise<Share[]> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const selfUs = new Map<number, number>()
  let atUs = profile.startTime
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = profile.timeDeltas[index] ?? 0
    atUs += deltaUs
    if (atUs >= fromUs && atUs <= toUs) selfUs.set(id, (selfUs.get(id) ?? 0) + deltaUs)
  }
  const shares = new Map<string, { selfUs: number; totalUs: number }>()
  const root = profile.nodes[0]
  if (root) visit(root, new Set())
  return Array.from(shares, ([place, share]) => ({ place, ...share })).sort(
    (one, other) => other.selfUs - one.selfUs,
  )

  /** Adds up a node and those below it; a function that calls itself counts once. */
  function visit(node: ProfileNode, above: ReadonlySet<string>): number {
    const place = placeOf(node)
    const within = new Set(above).add(place)
    const ownUs = selfUs.get(node.id) ?? 0
    let totalUs = ownUs
    for (const id of node.children ?? []) totalUs += visit(nodes.get(id)!, within)
    const share = shares.get(place) ?? { selfUs: 0, totalUs: 0 }
    share.selfUs += ownUs
    if (!above.has(place)) share.totalUs += totalUs
    shares.set(place, share)
    return totalUs
  }
}

function placeOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const file = url.startsWith('file://') ? relative(process.cwd(), fileURLToPath(url)) : url
  return `${name} ${file.replace(/^.*node_modules\//, '')}:${lineNumber + 1}`
}
