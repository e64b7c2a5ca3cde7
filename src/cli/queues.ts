import { repartition } from '../engine/repartition.ts'
import type { OpenDatabase } from '../store/database.ts'
import { openDatabase } from '../store/database.ts'
import { readQueueStandings } from '../store/generations.ts'
import { existingDatabase, type DatabaseFlags } from './configuration.ts'

/** `coatcheck queues`: the queues and their partitions. */
export async function showQueues(flags: DatabaseFlags & { readonly json?: boolean }): Promise<void> {
  await withDatabase(flags, async ({ driver, schema }) => {
    const queues = await readQueueStandings(driver, schema)
    if (flags.json) {
      console.log(JSON.stringify(queues, undefined, 2))
      return
    }
    for (const { queue, generation, partitions, draining, numbersLeft } of queues)
      console.log(
        `${queue}  ${count(partitions)}  generation ${generation}  ${numbersLeft} numbers left${draining > 0 ? `  waits until ${count(draining)} of older generations ${draining === 1 ? 'is' : 'are'} drained` : ''}`,
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
    const made = await repartition(database, queue, partitions)
    console.log(
      made.changed
        ? `The queue "${queue}" has ${count(made.partitions)} now, as generation ${made.generation}. They are run when the older ones are drained: see coatcheck queues.`
        : `The queue "${queue}" has ${count(made.partitions)} already; nothing was changed.`,
    )
  })
}

async function withDatabase(
  flags: DatabaseFlags,
  work: (database: OpenDatabase) => Promise<void>,
): Promise<void> {
  const { schema, directory } = flags
  const database = await openDatabase({
    database: existingDatabase(flags),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    migrate: 'check',
  })
  try {
    await work(database)
  } finally {
    await database.driver.close()
  }
}

function count(partitions: number): string {
  return `${partitions} partition${partitions === 1 ? '' : 's'}`
}
