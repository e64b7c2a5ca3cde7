import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { QueueDesk } from '../engine/queue-desk.ts'
import type { QueueStanding } from '../store/generations.ts'

/** The partitions of a queue. */
export interface QueuePartitions {
  readonly queue: string
  /** Raised by each change. */
  readonly generation: number
  readonly partitions: number
  /** False where the queue had as many already. */
  readonly changed: boolean
}

/**
 * The queues of all nodes of a database and schema. What is set is durable, and every node goes by it within two seconds, also those
 * that start later. Accepting goes on in every state, and so do acts on items.
 *
 * All of them throw CoatcheckError `UNKNOWN_QUEUE` where there is no such queue.
 */
export interface NodeQueues {
  /** All queues, by name. */
  list(): Promise<QueueStanding[]>
  /** Nothing of the queue starts any more; what runs goes on and is settled. */
  pause(queue: string): Promise<void>
  /** A queue that is paused or stopped goes on, each key where it was. */
  start(queue: string): Promise<void>
  /** The same as `start`. */
  resume(queue: string): Promise<void>
  /**
   * As `pause`, and what runs is told to end: through `ctx.signal`, with the error code `QUEUE_STOPPED`. Whose handler throws then is
   * ready again, without having used up an attempt; one that returns all the same has succeeded.
   */
  stop(queue: string): Promise<void>
  /** Tells what runs to end as `stop` does, and runs it again at once. */
  restart(queue: string): Promise<void>
  /**
   * How many items of the queue each node runs at once, instead of what its definitions say; at once, up or down (what runs goes on).
   * @param perNode 1 to 10,000; null: as the definitions say
   * @throws CoatcheckError `OPTION_INVALID`
   */
  setConcurrency(queue: string, perNode: number | null): Promise<void>
}

export function nodeQueues(desk: QueueDesk): NodeQueues {
  const start = (queue: string): Promise<void> => desk.setState(queue, 'running')
  return Object.freeze({
    list: () => desk.list(),
    pause: (queue: string) => desk.setState(queue, 'paused'),
    start,
    resume: start,
    stop: (queue: string) => desk.setState(queue, 'stopped'),
    restart: (queue: string) => desk.restart(queue),
    setConcurrency: async (queue: string, perNode: number | null) => {
      if (perNode === undefined)
        throw new CoatcheckError(
          'OPTION_INVALID',
          `perNode is ${showValue(perNode)}; give null for what the definitions say`,
        )
      await desk.setConcurrency(queue, perNode ?? undefined)
    },
  })
}
