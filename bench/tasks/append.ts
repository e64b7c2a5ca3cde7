import { makeWorkerUtils } from 'graphile-worker'
import { Client } from 'pg'
import { createNode } from '../../src/index.ts'
import { benchApplication } from '../definitions.ts'
import { payload, payloads, type Payload } from '../payload.ts'
import { graphileTask, quietLogger } from './graphile-worker.ts'

export interface AppendParameters {
  readonly url: string
  readonly items: number
  /** Callers at once; each waits for its answer before it calls again. */
  readonly callers: number
  /** Items of a call: 1 is the single call, more the call for many. */
  readonly perCall: number
}

export interface AppendResult {
  readonly items: number
  readonly seconds: number
}

type Send = (batch: readonly Payload[]) => Promise<unknown>

const warmUpCalls = 20

export async function appendCoatcheck(parameters: AppendParameters): Promise<AppendResult> {
  const { application, processors } = benchApplication(() => {}, 1)
  const node = await createNode({ applications: [application], database: parameters.url, http: false })
  const seconds = await call(parameters, (batch) =>
    parameters.perCall === 1
      ? node.enqueue(processors.untracked, batch[0]!)
      : node.enqueueMany(processors.untracked, batch),
  )
  await node.stop()
  await expectCount(parameters, 'select coalesce(sum(n), 0)::int as count from coatcheck.log')
  return { items: parameters.items, seconds }
}

export async function appendGraphile(parameters: AppendParameters): Promise<AppendResult> {
  const utils = await makeWorkerUtils({
    connectionString: parameters.url,
    maxPoolSize: Math.max(10, Math.min(parameters.callers, 20)),
    logger: quietLogger,
  })
  await utils.migrate()
  const seconds = await call(parameters, (batch) =>
    parameters.perCall === 1
      ? utils.addJob(graphileTask, batch[0]!)
      : utils.addJobs(batch.map((one) => ({ identifier: graphileTask, payload: one }))),
  )
  await utils.release()
  await expectCount(parameters, 'select count(*)::int as count from graphile_worker._private_jobs')
  return { items: parameters.items, seconds }
}

/** Has the callers call until all items are sent, after a warm-up that opens the connections; answers the seconds. */
async function call({ items, callers, perCall }: AppendParameters, send: Send): Promise<number> {
  for (let calls = 0; calls < warmUpCalls; calls++)
    await Promise.all(Array.from({ length: callers }, () => send([payload(0)])))
  // Made before the clock starts: neither side is measured by it.
  const batches = Array.from({ length: Math.ceil(items / perCall) }, (_, at) =>
    payloads(at * perCall, Math.min(perCall, items - at * perCall)),
  )
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < batches.length) await send(batches[next++]!)
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: callers }, caller))
  return (performance.now() - began) / 1000
}

async function expectCount({ url, items, callers }: AppendParameters, query: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ count: number }>(query)
  await client.end()
  const expected = items + warmUpCalls * callers
  if (rows[0]?.count !== expected) throw new Error(`${rows[0]?.count} items are there; ${expected} were sent`)
}
