import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Runner } from '../store/driver.ts'
import { readQueueStandings, type QueueStanding } from '../store/generations.ts'
import {
  readQueueSetting,
  writeQueueConcurrency,
  writeQueueState,
  type QueueSetting,
  type QueueState,
} from '../store/queue-control.ts'

/** As for a definition. */
export const maxConcurrency = 10_000

/** What goes with a change of what is set for a queue, in its transaction. */
export type SettingChange = (before: QueueSetting, queue: string, runner: Runner) => Promise<void>

/** Where what operators want of queues is written down, for all nodes. */
export class QueueDesk {
  readonly #database: OpenDatabase
  readonly #onSet: () => void

  /** @param onSet told when this node should look at once */
  constructor(database: OpenDatabase, onSet: () => void = () => {}) {
    this.#database = database
    this.#onSet = onSet
  }

  list(): Promise<QueueStanding[]> {
    return readQueueStandings(this.#database.driver, this.#database.schema)
  }

  /**
   * @param also done in the same transaction
   * @throws CoatcheckError `UNKNOWN_QUEUE`
   */
  setState(queue: string, state: QueueState, also?: SettingChange): Promise<void> {
    return this.#set(queue, (runner, schema) => writeQueueState(runner, schema, queue, state), also)
  }

  /**
   * Tells what runs of a queue to end, and has it run again; one that was paused or stopped runs from then on.
   * @throws CoatcheckError `UNKNOWN_QUEUE`
   */
  restart(queue: string, also?: SettingChange): Promise<void> {
    return this.#set(queue, (runner, schema) => writeQueueState(runner, schema, queue, 'running', true), also)
  }

  /**
   * @param perNode 1 to 10,000; undefined: as the definitions say
   * @throws CoatcheckError `UNKNOWN_QUEUE`, `OPTION_INVALID`
   */
  async setConcurrency(queue: string, perNode: number | undefined, also?: SettingChange): Promise<void> {
    if (perNode !== undefined && !(Number.isInteger(perNode) && perNode >= 1 && perNode <= maxConcurrency))
      throw new CoatcheckError(
        'OPTION_INVALID',
        `perNode is ${showValue(perNode)}; give a whole number from 1 to ${maxConcurrency}, or none for what the definitions say; to let nothing run, pause the queue`,
      )
    await this.#set(queue, (runner, schema) => writeQueueConcurrency(runner, schema, queue, perNode), also)
  }

  async #set(
    queue: unknown,
    write: (runner: Runner, schema: string) => Promise<boolean>,
    also: SettingChange | undefined,
  ): Promise<void> {
    const { driver, schema } = this.#database
    const name = readName(queue)
    const isThere = also
      ? await driver.transaction(async (tx) => {
          const before = await readQueueSetting(tx, schema, name)
          if (!before || !(await write(tx, schema))) return false
          await also(before, name, tx)
          return true
        })
      : await write(driver, schema)
    if (!isThere) throw unknown(queue)
    this.#onSet()
  }
}

function readName(queue: unknown): string {
  // What PostgreSQL could not even compare.
  if (typeof queue !== 'string' || queue.includes('\0')) throw unknown(queue)
  return queue
}

function unknown(queue: unknown): CoatcheckError {
  return new CoatcheckError('UNKNOWN_QUEUE', `there is no queue ${showValue(queue)}`)
}
