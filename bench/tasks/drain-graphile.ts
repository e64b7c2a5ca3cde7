import { makeWorkerUtils } from 'graphile-worker'
import { inBatches, payloads, type Payload } from '../payload.ts'
import { Tally, type DrainResult } from '../tally.ts'
import { graphileTask, quietLogger, startGraphile, type GraphileSettings } from './graphile-worker.ts'

export interface GraphileDrain extends GraphileSettings {
  readonly url: string
  readonly items: number
  /** Whether jobs of one key go into one of its named queues, which run in order. */
  readonly keyed: boolean
}

const perCall = 1000

/** Fills the table while no worker runs. */
export async function fillGraphile({ url, items, keyed }: GraphileDrain): Promise<object> {
  const utils = await makeWorkerUtils({ connectionString: url, logger: quietLogger })
  await utils.migrate()
  await inBatches(items, perCall, (from, count) =>
    utils.addJobs(
      payloads(from, count).map((payload) => ({
        identifier: graphileTask,
        payload,
        ...(keyed ? { queueName: payload.key } : {}),
      })),
    ),
  )
  await utils.release()
  return {}
}

const isDrained = 'select not exists (select from graphile_worker._private_jobs) as empty'

/** Starts a worker on the filled table and measures until the last job is gone from it. */
export async function drainGraphile(parameters: GraphileDrain): Promise<DrainResult> {
  const tally = new Tally(parameters.items)
  const runner = await startGraphile(parameters.url, parameters, async (payload) => {
    tally.tick((payload as Payload).n)
  })
  const result = await tally.drained(parameters.url, isDrained)
  await runner.stop()
  return result
}
