import { QueueDesk, type SettingChange } from '../engine/queue-desk.ts'
import { repartition } from '../engine/repartition.ts'
import { auditOf } from '../operate/audit.ts'
import { readQueueStandings } from '../store/generations.ts'
import { commandAuthor } from './command-author.ts'
import type { DatabaseFlags } from './configuration.ts'
import { withDatabase } from './existing-database.ts'

/** `coatcheck queues`: the queues, their partitions and states. */
export async function showQueues(flags: DatabaseFlags & { readonly json?: boolean }): Promise<void> {
  await withDatabase(flags, async ({ driver, schema }) => {
    const queues = await readQueueStandings(driver, schema)
    if (flags.json) {
      console.log(JSON.stringify(queues, undefined, 2))
      return
    }
    for (const { queue, state, since, perNode, generation, partitions, draining, numbersLeft } of queues)
      console.log(
        `${queue}  ${state === 'running' ? '' : `${state} since ${since?.toISOString()}  `}${perNode === undefined ? '' : `${perNode} at once on a node  `}${count(partitions)}  generation ${generation}  ${numbersLeft} numbers left${draining > 0 ? `  waits until ${count(draining)} of older generations ${draining === 1 ? 'is' : 'are'} drained` : ''}`,
      )
  })
}

/**
 * `coatcheck queues partitions <queue> <count>`: gives a queue another number of partitions.
 * @throws CoatcheckError `UNKNOWN_QUEUE`, `OPTION_INVALID`, `PARTITIONS_USED_UP`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function changePartitions(
  queue: string,
  partitions: number,
  flags: DatabaseFlags,
): Promise<void> {
  await withDatabase(flags, async (database) => {
    const made = await repartition(database, queue, partitions, (changed, runner) => {
      const entry = {
        act: 'queue.partitions',
        subject: 'queue',
        subjectId: queue,
        before: { partitions: changed.before },
        after: { partitions: changed.partitions, generation: changed.generation },
      }
      return auditOf(database)(entry, commandAuthor(), runner)
    })
    console.log(
      made.changed
        ? `The queue "${queue}" has ${count(made.partitions)} now, as generation ${made.generation}. They are run when the older ones are drained: see coatcheck queues.`
        : `The queue "${queue}" has ${count(made.partitions)} already; nothing was changed.`,
    )
  })
}

const told = {
  start: 'runs. Its nodes start its items within two seconds.',
  pause: 'is paused. Nothing of it starts, on any node, from two seconds from now on; what runs goes on.',
  stop: 'is stopped. Nothing of it starts, on any node, from two seconds from now on; what runs is told to end, and runs again when it is started.',
  restart: 'is restarted. What runs is told to end within two seconds, and runs again.',
}

const states = { start: 'running', pause: 'paused', stop: 'stopped', restart: 'running' } as const

/** What `coatcheck queues` does to a queue. */
export type QueueOrder = keyof typeof told

/**
 * `coatcheck queues pause|start|stop|restart <queue>`.
 * @throws CoatcheckError `UNKNOWN_QUEUE`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function orderQueue(order: QueueOrder, queue: string, flags: DatabaseFlags): Promise<void> {
  await withDatabase(flags, async (database) => {
    const desk = new QueueDesk(database)
    const state = states[order]
    const also: SettingChange = (before, name, runner) => {
      const subject = { subject: 'queue', subjectId: name, before: { state: before.state }, after: { state } }
      return auditOf(database)({ act: `queue.${order}`, ...subject }, commandAuthor(), runner)
    }
    if (order === 'restart') await desk.restart(queue, also)
    else await desk.setState(queue, state, also)
    console.log(`The queue "${queue}" ${told[order]}`)
  })
}

/**
 * `coatcheck queues concurrency <queue> <count>`.
 * @param perNode undefined: as the definitions say
 * @throws CoatcheckError `UNKNOWN_QUEUE`, `OPTION_INVALID`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function changeConcurrency(
  queue: string,
  perNode: number | undefined,
  flags: DatabaseFlags,
): Promise<void> {
  await withDatabase(flags, async (database) => {
    await new QueueDesk(database).setConcurrency(queue, perNode, (before, name, runner) => {
      const entry = {
        act: 'queue.concurrency',
        subject: 'queue',
        subjectId: name,
        before: { perNode: before.perNode ?? null },
        after: { perNode: perNode ?? null },
      }
      return auditOf(database)(entry, commandAuthor(), runner)
    })
    console.log(
      perNode === undefined
        ? `Nodes run as many items of the queue "${queue}" at once as its definitions say.`
        : `Each node runs ${perNode} of the queue "${queue}" at once, whatever its definitions say.`,
    )
  })
}

function count(partitions: number): string {
  return `${partitions} partition${partitions === 1 ? '' : 's'}`
}
