import { createUuid } from '../base/ids.ts'
import { packageVersion } from '../base/version.ts'
import type { Definition } from '../define/definition.ts'
import { handBackPartition, readOpenActs } from '../store/acts.ts'
import type { OpenDatabase } from '../store/database.ts'
import { registerNode, unregisterNode } from '../store/nodes.ts'
import { acquirePartitions, type OwnerRow } from '../store/partitions.ts'
import { runSettlement } from '../store/settlement.ts'
import { lookUpItems, maxCarriedSize } from './act-look-up.ts'
import { planActs } from './act-plan.ts'
import { callbackRows } from './callback-item.ts'
import { leaseMs } from './heartbeat.ts'
import { OwnedPartition } from './owned-partition.ts'
import { SettlementBatch } from './settlement-batch.ts'
import type { Topology } from './topology.ts'

export interface VisitParts {
  readonly database: OpenDatabase
  readonly topology: Topology
  readonly definitions: ReadonlyMap<string, Definition>
  now(): number
}

const actsAtOnce = 500

/**
 * Takes a partition that nobody alive owns, decides its open acts, and gives it back: as a node of its own that runs nothing,
 * so that no partition is assigned to it. A dead owner stays the owner of record, for whoever takes the partition over.
 * @returns how many acts it decided; none where somebody else was quicker
 */
export async function visitPartition(parts: VisitParts, place: OwnerRow): Promise<number> {
  const { driver, schema } = parts.database
  const bootId = createUuid()
  const node = { bootId, name: 'visitor', types: [], queues: [] }
  await registerNode(driver, schema, node, packageVersion, leaseMs)
  try {
    const { queue, partition } = place
    const [row] = await acquirePartitions(driver, schema, bootId, [{ queue, partition }])
    if (!row) return 0
    try {
      return await decideAll(parts, bootId, new OwnedPartition(row, { keyed: true, startable: true }))
    } finally {
      await handBackPartition(driver, schema, row, bootId, row.takenFrom)
    }
  } finally {
    await unregisterNode(driver, schema, bootId)
  }
}

async function decideAll(parts: VisitParts, bootId: string, partition: OwnedPartition): Promise<number> {
  const { database, topology, definitions } = parts
  const { driver, schema } = database
  const known: string[] = []
  const seen = new Set<string>()
  for (;;) {
    // In statements begun after the partition was taken: what its last owner did is in them.
    const read = await readOpenActs(driver, schema, [partition], known, actsAtOnce)
    // Of each item the first: the next is about what that leaves.
    const asked = read.filter(({ item }) => !seen.has(item) && seen.add(item))
    const { note } = planActs(asked, {
      ...(await lookUpItems(database, asked, maxCarriedSize, () => true)),
      partition,
      memory: new Map(),
      changed: new Set(),
      definitions,
      now: parts.now(),
      room: maxCarriedSize,
    })
    if (!note.isEmpty) {
      const batch = new SettlementBatch([], [note.toNote()])
      // Once in a while, so the partitions of callbacks are read rather than found to have changed.
      await topology.refresh()
      const settlement = batch.compose(performance.now(), true, (ended) =>
        callbackRows(topology, parts.now(), ended),
      )
      await runSettlement(driver, schema, bootId, settlement)
      return note.decided.length
    }
    if (read.length < actsAtOnce) return 0
    // All of these have to wait for an owner; there are more.
    known.push(...read.map(({ id }) => id))
  }
}
