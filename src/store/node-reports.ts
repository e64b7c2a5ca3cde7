import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Where a node is with one of its partitions. */
export interface PartitionReport {
  readonly queue: number
  readonly partition: number
  /** The next seq of the log that it reads. */
  readonly nextSeq: number
  /** Since when the first of what waits for its turn in memory does, of each queue and key; in milliseconds. */
  readonly oldestAt?: number
  /** When the last row that it read was written, and when an item ended last, in milliseconds. */
  readonly readAt?: number
  readonly endedAt?: number
}

/** How a node says it is. */
export interface NodeReport {
  readonly running: number
  readonly memoryMb: number
  /** Of one processor: 0.5 is half of it. */
  readonly cpu: number
  /** What runs of each queue, by its number. */
  readonly queues: readonly { readonly queue: number; readonly running: number }[]
  readonly partitions: readonly PartitionReport[]
}

// Not where the node is not entered, or not any more: its heartbeat sees to that.
const write = statement(
  'write-node-report',
  (schema) => `
  insert into ${schema}.node_report as r (boot_id, at, running, memory_mb, cpu, queues, partitions)
  select n.boot_id, ${schema}.clock(), $2, $3, $4, $5, $6
  from ${schema}.node n
  where n.boot_id = $1
  on conflict (boot_id) do update
  set at = excluded.at, running = excluded.running, memory_mb = excluded.memory_mb, cpu = excluded.cpu,
    queues = excluded.queues, partitions = excluded.partitions`,
)

export async function writeNodeReport(
  runner: Runner,
  schema: string,
  bootId: string,
  { running, memoryMb, cpu, queues, partitions }: NodeReport,
): Promise<void> {
  const values = [bootId, running, memoryMb, cpu, JSON.stringify(queues), JSON.stringify(partitions)]
  await runner.run(write(schema), values)
}

/** A node as the tables have it. Times in milliseconds. */
export interface NodeStanding {
  readonly bootId: string
  readonly name: string
  readonly types: readonly string[]
  readonly version: string
  readonly startedAt: number
  readonly leaseUntil: number
  readonly isAlive: boolean
  /** Partitions that it owns. */
  readonly owned: number
  /** Numbers of the queues that it runs items of. */
  readonly queues: readonly number[]
  /** Its last report, where that is not older than it should be. */
  readonly report: NodeReport | undefined
}

const select = statement(
  'node-standings',
  (schema) => `
  select n.boot_id, n.name, to_json(n.types)::text as types, n.version, to_json(n.queues)::text as queues,
    ${schema}.epoch_ms(n.started_at) as started_at, ${schema}.epoch_ms(n.lease_until) as lease_until,
    n.lease_until > ${schema}.clock() as is_alive,
    coalesce(o.owned, 0) as owned,
    r.running, r.memory_mb, r.cpu::float8 as cpu, r.queues as queues_running, r.partitions
  from (
    -- Those that are alive first: of dead ones there may be any number.
    select * from ${schema}.node
    order by lease_until > ${schema}.clock() desc, started_at desc
    limit 1000
  ) as n
  left join (select owner, count(*)::int as owned from ${schema}.partition group by owner) o on o.owner = n.boot_id
  left join ${schema}.node_report r on r.boot_id = n.boot_id and r.at > ${schema}.clock() - interval '15 s'
  order by n.started_at, n.boot_id`,
)

/** All nodes that are there, and those that died within a day. */
export async function readNodeStandings(runner: Runner, schema: string): Promise<NodeStanding[]> {
  const rows = await runner.run(select(schema))
  return rows.map((row) => ({
    bootId: row['boot_id'] as string,
    name: row['name'] as string,
    types: JSON.parse(row['types'] as string) as string[],
    version: row['version'] as string,
    startedAt: row['started_at'] as number,
    leaseUntil: row['lease_until'] as number,
    isAlive: row['is_alive'] as boolean,
    owned: row['owned'] as number,
    queues: JSON.parse(row['queues'] as string) as number[],
    report:
      row['running'] === null
        ? undefined
        : {
            running: row['running'] as number,
            memoryMb: row['memory_mb'] as number,
            cpu: row['cpu'] as number,
            queues: JSON.parse(row['queues_running'] as string) as NodeReport['queues'],
            partitions: JSON.parse(row['partitions'] as string) as PartitionReport[],
          },
  }))
}
