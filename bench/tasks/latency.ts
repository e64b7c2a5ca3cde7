import { setTimeout as wait } from 'node:timers/promises'
import { makeWorkerUtils } from 'graphile-worker'
import { createNode } from '../../src/index.ts'
import { benchApplication } from '../definitions.ts'
import { payload, type Payload } from '../payload.ts'
import { graphileTask, quietLogger, startGraphile, type GraphileSettings } from './graphile-worker.ts'

export interface LatencyParameters {
  readonly url: string
  readonly items: number
  readonly perSecond: number
}

export interface Latencies {
  readonly p50: number
  readonly p99: number
}

/** Items before the ones that count. */
const warmUp = 20

/** The machine's monotonic clock, the same for all processes, in milliseconds. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Keeps how long each item took from the call of its producer to the call of its handler. */
class Arrivals {
  readonly #latencies: number[] = []
  readonly #all = Promise.withResolvers<void>()
  readonly #items: number

  constructor(items: number) {
    this.#items = items
  }

  note({ n, sentAt = 0 }: Payload): void {
    if (n >= warmUp) this.#latencies.push(now() - sentAt)
    if (this.#latencies.length === this.#items) this.#all.resolve()
  }

  async all(): Promise<Latencies> {
    await this.#all.promise
    const sorted = this.#latencies.toSorted((one, other) => one - other)
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99) }
  }
}

export async function receiveCoatcheck({ url, items }: LatencyParameters): Promise<Latencies> {
  const arrivals = new Arrivals(items)
  const { application } = benchApplication((item) => arrivals.note(item), 50)
  const node = await createNode({
    applications: [application],
    database: url,
    http: false,
    nodeTypes: ['background'],
  })
  await node.start()
  console.log('ready')
  const latencies = await arrivals.all()
  await node.stop()
  return latencies
}

export async function sendCoatcheck(parameters: LatencyParameters): Promise<object> {
  const { application, processors } = benchApplication(() => {}, 1)
  const node = await createNode({ applications: [application], database: parameters.url, http: false })
  await sendSteadily(parameters, (item) => node.enqueue(processors.untracked, item))
  await node.stop()
  return {}
}

export async function receiveGraphile({
  url,
  items,
  ...settings
}: LatencyParameters & GraphileSettings): Promise<Latencies> {
  const arrivals = new Arrivals(items)
  const runner = await startGraphile(url, settings, async (item) => {
    arrivals.note(item as Payload)
  })
  console.log('ready')
  const latencies = await arrivals.all()
  await runner.stop()
  return latencies
}

export async function sendGraphile(parameters: LatencyParameters): Promise<object> {
  const utils = await makeWorkerUtils({ connectionString: parameters.url, logger: quietLogger })
  await sendSteadily(parameters, (item) => utils.addJob(graphileTask, item))
  await utils.release()
  return {}
}

/** Sends at a steady rate, whether or not answers come: a slow subject is not asked less. */
async function sendSteadily(
  { items, perSecond }: LatencyParameters,
  send: (item: Payload) => Promise<unknown>,
): Promise<void> {
  for (let n = 0; n < warmUp; n++) await send({ ...payload(n), sentAt: now() })
  const began = now()
  const underWay: Promise<unknown>[] = []
  for (let sent = 0; sent < items; sent++) {
    const dueInMs = began + (sent * 1000) / perSecond - now()
    if (dueInMs > 0) await wait(dueInMs)
    underWay.push(send({ ...payload(warmUp + sent), sentAt: now() }))
  }
  await Promise.all(underWay)
}
