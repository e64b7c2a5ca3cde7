import type { Events } from '../base/events.ts'
import type { OpenDatabase } from '../store/database.ts'
import { endLeases, type LiveNode } from '../store/nodes.ts'
import { currentProcess, livenessOf, type ProcessIdentity } from '../store/process-identity.ts'

export interface NeighboursParts {
  readonly database: OpenDatabase
  readonly events: Events
}

/**
 * The other nodes of this machine. A process that is gone renews no lease and runs no handler, so nobody has to wait until its lease
 * has run out. Of a node on another machine, in another container or of another boot a pid says nothing: its lease does.
 */
export class Neighbours {
  readonly #parts: NeighboursParts
  readonly #own = currentProcess()

  constructor(parts: NeighboursParts) {
    this.#parts = parts
  }

  /** Ends the leases of those whose process is gone. @returns the others */
  async withoutGone(nodes: readonly LiveNode[]): Promise<LiveNode[]> {
    const own = await this.#own
    // the host's name alone may be that of two machines
    if (own.machineBootId === undefined || own.pidNamespace === undefined) return [...nodes]
    const areGone = await Promise.all(nodes.map(({ process }) => isGone(process, own)))
    const gone = nodes.filter((_, at) => areGone[at])
    if (gone.length === 0) return [...nodes]
    const { database, events } = this.#parts
    const ended = await endLeases(
      database.driver,
      database.schema,
      gone.map(({ bootId }) => bootId),
    )
    for (const { bootId, name, process } of gone)
      // of several that see it, one tells
      if (ended.has(bootId)) events.emit('node.gone', { node: bootId, name, pid: process?.pid ?? 0 })
    return nodes.filter((_, at) => !areGone[at])
  }
}

async function isGone(process: ProcessIdentity | undefined, own: ProcessIdentity): Promise<boolean> {
  return process !== undefined && (await livenessOf(process, own)) === 'gone'
}
