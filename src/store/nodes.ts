import type { Runner } from './driver.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { statement } from './statement.ts'

export interface NodeRow {
  readonly bootId: string
  readonly name: string
  readonly types: readonly string[]
  readonly queues: readonly number[]
  /** The process that it is; undefined where it does not say. */
  readonly process?: ProcessIdentity | undefined
}

const insertNode = statement(
  'register-node',
  (schema) => `
  insert into ${schema}.node (boot_id, name, types, version, queues, started_at, lease_until, process)
  select $1, $2, array(select json_array_elements_text($3)), $4, array(select json_array_elements_text($5)::int), clock,
    clock + $6 * interval '1 ms', $7
  from ${schema}.clock() as clock
  on conflict (boot_id) do update
  set lease_until = excluded.lease_until, queues = excluded.queues`,
)

/** Enters a node into the table, or enters it again after its row was cleaned away. */
export async function registerNode(
  runner: Runner,
  schema: string,
  node: NodeRow,
  version: string,
  leaseMs: number,
): Promise<void> {
  await runner.run(insertNode(schema), [
    node.bootId,
    node.name,
    JSON.stringify(node.types),
    version,
    JSON.stringify(node.queues),
    leaseMs,
    node.process ? JSON.stringify(node.process) : null,
  ])
}

/** The text of the heartbeat's one statement: `$1` boot id, `$2` lease in ms. No row comes back where the node is not entered. */
export const renewLease = statement(
  'renew-lease',
  (schema) => `
  update ${schema}.node
  set lease_until = ${schema}.clock() + $2 * interval '1 ms'
  where boot_id = $1
  returning ${schema}.epoch_ms(${schema}.clock()) as clock`,
)

const clearQueues = statement(
  'retire-node',
  (schema) => `
  update ${schema}.node set queues = '{}' where boot_id = $1`,
)

/** The node serves no queue any more; it keeps its lease, and with it what it still owns. */
export async function retireNode(
  runner: Runner,
  schema: string,
  bootId: string,
  timeoutMs: number,
): Promise<void> {
  await runner.run(clearQueues(schema), [bootId], { timeoutMs })
}

const deleteNode = statement(
  'unregister-node',
  (schema) => `
  delete from ${schema}.node where boot_id = $1`,
)

export async function unregisterNode(runner: Runner, schema: string, bootId: string): Promise<void> {
  await runner.run(deleteNode(schema), [bootId])
}

const deleteAllNodes = statement(
  'unregister-others',
  (schema) => `
  delete from ${schema}.node where boot_id <> all (array(select json_array_elements_text($1)::uuid))`,
)

/** For the embedded database, whose lock file proves that no other process can hold a lease. */
export async function unregisterOthers(
  runner: Runner,
  schema: string,
  bootIds: readonly string[],
): Promise<void> {
  await runner.run(deleteAllNodes(schema), [JSON.stringify(bootIds)])
}

const deleteDead = statement(
  'forget-dead-nodes',
  (schema) => `
  delete from ${schema}.node
  where ctid = any (array(
    select ctid from ${schema}.node where lease_until < ${schema}.clock() - interval '1 day' limit $1 for update skip locked
  ))
  returning 1`,
)

/** Deletes nodes that died a day ago, at most `limit`. @returns how many went */
export async function forgetDeadNodes(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(deleteDead(schema), [limit])).length
}

const expire = statement(
  'end-leases',
  (schema) => `
  update ${schema}.node set lease_until = ${schema}.clock()
  where boot_id = any (array(select json_array_elements_text($1)::uuid)) and lease_until > ${schema}.clock()
  returning boot_id`,
)

/** Ends the leases of nodes that are known to be dead. @returns those whose leases had not ended by then */
export async function endLeases(
  runner: Runner,
  schema: string,
  bootIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await runner.run(expire(schema), [JSON.stringify(bootIds)])
  return new Set(rows.map((row) => row['boot_id'] as string))
}

const selectLive = statement(
  'live-nodes',
  (schema) => `
  select n.boot_id, n.name, to_json(n.types) as types, to_json(n.queues) as queues, n.process,
    n.lease_until > ${schema}.clock() + $1 * interval '1 ms' as beats
  from ${schema}.node n
  where n.lease_until > ${schema}.clock()`,
)

export interface LiveNode extends NodeRow {
  /** Whether its last heartbeat came in time: one that died has its lease for some seconds more. */
  readonly beats: boolean
}

/** @param leftMs what is left of the lease of a node that beats, at least */
export async function readLiveNodes(runner: Runner, schema: string, leftMs: number): Promise<LiveNode[]> {
  const rows = await runner.run(selectLive(schema), [leftMs])
  return rows.map((row) => ({
    beats: row['beats'] as boolean,
    bootId: row['boot_id'] as string,
    name: row['name'] as string,
    types: JSON.parse(row['types'] as string) as string[],
    queues: JSON.parse(row['queues'] as string) as number[],
    process: row['process'] === null ? undefined : (JSON.parse(row['process'] as string) as ProcessIdentity),
  }))
}
