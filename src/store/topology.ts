import { acceptDeadlines, type Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A queue: its number, and the partitions of its current generation. */
export interface QueueRow {
  readonly number: number
  readonly name: string
  readonly generation: number
  readonly firstPartition: number
  readonly partitions: number
}

export interface DefinitionRow {
  readonly id: string
  readonly application: string
  readonly queue: string
  readonly partitions: number
  readonly keyed: boolean
  readonly maxPayload: number
}

const declareAll = statement(
  'declare-definitions',
  (schema) => `
  insert into ${schema}.definition (id, application, queue, keyed, max_payload)
  select r.id, r.application, ${schema}.declare_queue(r.queue, r.partitions), r.keyed, r.max_payload
  from json_to_recordset($1) as r(id text, application text, queue text, partitions int, keyed boolean, max_payload int)
  order by r.id
  on conflict (id) do update
  set application = excluded.application, queue = excluded.queue, keyed = excluded.keyed, max_payload = excluded.max_payload
  where (definition.application, definition.queue, definition.keyed, definition.max_payload)
    is distinct from (excluded.application, excluded.queue, excluded.keyed, excluded.max_payload)`,
)

/** Makes known what can be enqueued, and makes the queues that are not there yet. */
export async function declareDefinitions(
  runner: Runner,
  schema: string,
  definitions: readonly DefinitionRow[],
): Promise<void> {
  const rows = definitions.map((d) => ({
    id: d.id,
    application: d.application,
    queue: d.queue,
    partitions: d.partitions,
    keyed: d.keyed,
    max_payload: d.maxPayload,
  }))
  await runner.run(declareAll(schema), [JSON.stringify(rows)], { timeoutMs: 20_000 })
}

const services = statement(
  'services',
  (schema) => `
  select d.application || '/' || substr(d.id, length('service:') + 1) as name
  from ${schema}.definition d
  where starts_with(d.id, 'service:')
  order by name`,
)

/** The services that nodes have made known so far, each as `application/service`. */
export async function readServices(runner: Runner, schema: string): Promise<string[]> {
  const rows = await runner.run(services(schema))
  return rows.map((row) => row['name'] as string)
}

const declareEach = statement(
  'declare-queues',
  (schema) => `
  select ${schema}.declare_queue(r.name, r.partitions)
  from json_to_recordset($1) as r(name text, partitions int)
  order by r.name`,
)

/** Makes queues that are not there yet, each with its partitions. */
export async function declareQueues(
  runner: Runner,
  schema: string,
  queues: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = Array.from(queues, ([name, partitions]) => ({ name, partitions }))
  await runner.run(declareEach(schema), [JSON.stringify(rows)], { timeoutMs: 20_000 })
}

const selectQueues = statement(
  'queues',
  (schema) => `
  select number, name, generation, first_partition, partitions from ${schema}.queue`,
)

/** @param runner may be somebody's transaction: then as that sees them */
export async function readQueues(
  runner: Pick<Runner, 'run'> | Pick<Runner, 'query'>,
  schema: string,
): Promise<QueueRow[]> {
  const rows =
    'run' in runner
      ? await runner.run(selectQueues(schema))
      : (await runner.query(selectQueues(schema).text)).rows
  return rows.map((row) => ({
    number: row['number'] as number,
    name: row['name'] as string,
    generation: row['generation'] as number,
    firstPartition: row['first_partition'] as number,
    partitions: row['partitions'] as number,
  }))
}

const clock = statement(
  'clock',
  (schema) => `
  select ${schema}.epoch_ms(${schema}.clock()) as clock`,
)

/** Asked for before an append whose caller waits. */
const clockTimeoutMs = 2_000

/** The database's time in milliseconds. */
export async function readClock(runner: Runner, schema: string): Promise<number> {
  const [row] = await runner.run(clock(schema), [], acceptDeadlines(clockTimeoutMs))
  return row?.['clock'] as number
}

const queueNumber = statement(
  'queue-number',
  (schema) => `
  select q.number from ${schema}.queue q where q.name = $1`,
)

/** The number of a queue; undefined where there is none of the name. */
export async function readQueueNumber(
  runner: Runner,
  schema: string,
  name: string,
): Promise<number | undefined> {
  const [row] = await runner.run(queueNumber(schema), [name])
  return row?.['number'] as number | undefined
}
