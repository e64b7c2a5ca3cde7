import { hash } from 'node:crypto'
import type { LiveNode, NodeRow } from '../store/nodes.ts'
import type { PartitionName } from '../store/partitions.ts'

/** The partitions of a queue's generations are dealt out apart: the old ones are soon nobody's. */
type Dealt = PartitionName & { readonly generation?: number }

/**
 * Who should own which partition: rendezvous hashing over the live background nodes that serve the queue, with at most
 * an even share for each, so that there is no leader, little moves when a node comes or goes, and none stays idle.
 * Every node computes the same from the same rows.
 * @returns the boot id by `queue/partition`; none where no node serves the queue
 */
export function assignPartitions(
  nodes: readonly NodeRow[],
  partitions: readonly Dealt[],
): Map<string, string> {
  const assigned = new Map<string, string>()
  const workers = nodes.filter((node) => node.types.includes('background'))
  const groups = Map.groupBy(partitions, ({ queue, generation = 0 }) => `${queue}/${generation}`)
  for (const ofQueue of groups.values()) {
    const queue = ofQueue[0]?.queue as number
    const serving = workers.filter((node) => node.queues.includes(queue))
    if (serving.length === 0) continue
    const share = Math.floor(ofQueue.length / serving.length)
    // So many nodes have one more.
    let more = ofQueue.length % serving.length
    const taken = new Map<string, number>()
    for (const { partition } of ofQueue.toSorted((a, b) => a.partition - b.partition)) {
      const name = `${queue}/${partition}`
      const [best] = serving
        .filter((node) => (taken.get(node.bootId) ?? 0) < share + (more > 0 ? 1 : 0))
        .map((node) => ({ bootId: node.bootId, rank: rankOf(node.bootId, name) }))
        .toSorted((a, b) => (a.rank < b.rank ? 1 : -1))
      if (!best) continue
      const count = (taken.get(best.bootId) ?? 0) + 1
      if (count > share) more--
      assigned.set(name, best.bootId)
      taken.set(best.bootId, count)
    }
  }
  return assigned
}

/**
 * As {@link assignPartitions}, but what a node should have whose heartbeat is late goes to the others: it may be dead, and
 * then nobody would take it until that node's lease, too, has run out.
 */
export function assignToBeating(
  nodes: readonly LiveNode[],
  partitions: readonly Dealt[],
): Map<string, string> {
  const assigned = assignPartitions(nodes, partitions)
  const late = new Set(nodes.filter((node) => !node.beats).map((node) => node.bootId))
  if (late.size === 0) return assigned
  const instead = assignPartitions(
    nodes.filter((node) => node.beats),
    partitions,
  )
  for (const [name, bootId] of assigned) {
    const other = instead.get(name)
    if (late.has(bootId) && other !== undefined) assigned.set(name, other)
  }
  return assigned
}

const ranks = new Map<string, string>()

function rankOf(bootId: string, name: string): string {
  const key = `${bootId} ${name}`
  let rank = ranks.get(key)
  if (rank === undefined) {
    if (ranks.size > 50_000) ranks.clear()
    ranks.set(key, (rank = hash('sha256', key, 'hex')))
  }
  return rank
}
