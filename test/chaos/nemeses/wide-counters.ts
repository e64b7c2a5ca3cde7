import { connectAdmin } from '../admin.ts'
import type { Stage } from '../stage.ts'

/** Positions are seq · 4,096 + index, and exact numbers up to 2^53: this is the last row of a partition that there can be. */
export const lastSeq = 2 ** 41 - 1

/** How far the counters of a partition have come, as text: the database's own digits. */
export interface PartitionCounters {
  readonly partition: number
  readonly last: string
  readonly watermark: string
  readonly done: string
  readonly epoch: string
}

/** As if so many rows had been there and gone, and so many owners. Only while no node runs and all is done. */
export async function setCounters(
  stage: Stage,
  { seq, epoch }: { seq: number; epoch: number },
): Promise<void> {
  const queue = await queueNumber(stage)
  const client = await connectAdmin(stage.server.url)
  try {
    await client.query('begin')
    // The trigger that notes who settles is not meant.
    await client.query('set local session_replication_role = replica')
    for (let partition = 0; partition < stage.run.settings.partitions; partition++)
      await client.query(`select setval('coatcheck.log_seq_${queue}_${partition}', $1::bigint, false)`, [seq])
    await client.query(
      `update coatcheck.partition set watermark = $2::bigint * 4096, indexed_to = $2::bigint * 4096,
         read_to = $2::bigint * 4096, done = int8multirange(int8range(0, $2::bigint * 4096))
       where queue = $1`,
      [queue, seq],
    )
    await client.query(`select setval('coatcheck.epoch', $1::bigint)`, [epoch])
    await client.query('commit')
  } finally {
    await client.end()
  }
}

export async function readCounters(stage: Stage): Promise<PartitionCounters[]> {
  const queue = await queueNumber(stage)
  const { rows } = await stage.run.load.query(
    `select p.partition, s.last_value::text as last, p.watermark::text, p.done::text, p.epoch::text
     from coatcheck.partition p join pg_sequences s
       on s.schemaname = 'coatcheck' and s.sequencename = 'log_seq_' || p.queue || '_' || p.partition
     where p.queue = $1 order by p.partition`,
    [queue],
  )
  return rows as PartitionCounters[]
}

async function queueNumber(stage: Stage): Promise<number> {
  const { rows } = await stage.run.load.query(`select number from coatcheck.queue where name = 'chaos'`)
  return (rows[0] as { number: number }).number
}
