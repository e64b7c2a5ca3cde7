import type { Events } from '../base/events.ts'
import {
  claimMarks,
  logCrash,
  readUnended,
  suspectItems,
  withdrawCharge,
  type DeadMarks,
} from '../store/crashes.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Transaction } from '../store/driver.ts'
import { crashLimit, culpritOf } from './crash-rules.ts'

export interface CrashJudgeParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly events: Events
}

/** Whose marks this is about, and what it comes to. */
interface Charged {
  readonly id: string
  readonly node: string
  readonly crashes: number
}

/**
 * Says what the deaths of nodes were due to, by what those had written down. Each death is judged once, by whoever comes first,
 * and over all partitions of the dead node: which one it was can only be told where all that ran there is known.
 */
export class CrashJudge {
  readonly #parts: CrashJudgeParts

  constructor(parts: CrashJudgeParts) {
    this.#parts = parts
  }

  /**
   * Judges all deaths that nobody has judged, before anything of the dead nodes is started again.
   * @param own whether this very node counts as dead: something held its event loop until its lease had run out
   */
  async judge(own = false): Promise<void> {
    const { database, bootId, events } = this.#parts
    const charged = await database.driver.transaction(async (transaction) => {
      const all: Charged[] = []
      for (const marks of await claimMarks(transaction, database.schema, bootId, own))
        all.push(...(await this.#judgeOne(transaction, marks)))
      return all
    })
    for (const one of charged) events.emit('item.crashed-node', one)
  }

  /** This node lost its lease and was not to blame: it was frozen, or cut off. What it was charged with is taken back. */
  async withdraw(): Promise<void> {
    const { database, bootId } = this.#parts
    await withdrawCharge(database.driver, database.schema, bootId)
  }

  async #judgeOne(transaction: Transaction, { bootId, items }: DeadMarks): Promise<Charged[]> {
    const { schema } = this.#parts.database
    const open = await readUnended(transaction, schema, items)
    const unended = items.filter(({ id }) => open.has(id))
    if (unended.length === 0) return []
    const culprit = culpritOf(unended)
    const others = unended.filter((item) => item !== culprit)
    if (others.length > 0) await suspectItems(transaction, schema, bootId, others, 0)
    if (!culprit) return []
    const { id, a } = culprit
    const [charged] = await suspectItems(transaction, schema, bootId, [culprit], 1)
    const crashes = charged?.crashes ?? 1
    const message = `node ${bootId} died, or hung, while nothing but this item ran there (${crashes} of ${crashLimit})`
    await logCrash(transaction, schema, id, a, message)
    return [{ id, node: bootId, crashes }]
  }
}
