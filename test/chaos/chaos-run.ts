import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkHistory, type Limits, type Verdict } from './check-history.ts'
import { EffectSink } from './effect-sink.ts'
import { LoadClient } from './load-client.ts'
import type { NodeSettings } from './node-process.ts'
import { waitUntil } from './wait-until.ts'
import { WorkerNode } from './worker-node.ts'

export type RunSettings = Omit<NodeSettings, 'name' | 'sink'>

export const usualSettings: Omit<RunSettings, 'database'> = {
  concurrency: 50,
  maxUnsettled: 500,
  workMs: 4,
  failing: 0,
  partitions: 6,
  stopTimeoutMs: 30_000,
}

/** An effect sink, a load client and any number of node processes on one database. */
export class ChaosRun {
  readonly folder: string
  readonly sink: EffectSink
  readonly load: LoadClient
  readonly settings: RunSettings
  readonly #nodes = new Set<WorkerNode>()
  #started = 0

  private constructor(folder: string, sink: EffectSink, load: LoadClient, settings: RunSettings) {
    this.folder = folder
    this.sink = sink
    this.load = load
    this.settings = settings
  }

  /** @param folder where the histories go; a temporary one, deleted by `stop`, unless given */
  static async start(settings: RunSettings, folder?: string): Promise<ChaosRun> {
    const at = folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-chaos-')))
    const sink = await EffectSink.start(at)
    const load = await LoadClient.open(settings.database, settings.partitions)
    const run = new ChaosRun(at, sink, load, settings)
    if (folder === undefined) run.#onStop = () => rm(at, { recursive: true, force: true })
    return run
  }

  #onStop: () => Promise<void> = async () => {}

  get nodes(): WorkerNode[] {
    return [...this.#nodes].filter((node) => node.isAlive)
  }

  async startNode(more: Partial<RunSettings> = {}): Promise<WorkerNode> {
    const name = `n${++this.#started}`
    // So that its connections can be told from others.
    const database = new URL(this.settings.database)
    database.searchParams.set('application_name', name)
    const settings = { ...this.settings, ...more, name, database: database.href, sink: this.sink.path }
    const node = await WorkerNode.start(settings, this.sink)
    this.#nodes.add(node)
    return node
  }

  /** Resolves when all that was accepted has ended and is settled. */
  async finish(waitMs: number): Promise<void> {
    await waitUntil('all items have ended', waitMs, async () => {
      const { ended } = await this.sink.count()
      return ended >= this.load.accepted.length
    })
    await waitUntil('all items are settled', 20_000, async () => (await this.load.standing()).open === 0)
  }

  /** Resolves when so many different items have ended. */
  async reaches(items: number, waitMs: number): Promise<void> {
    await waitUntil(`${items} items have ended`, waitMs, async () => (await this.sink.count()).ended >= items)
  }

  /** Resolves when each of the nodes owns about as many partitions as the others, and all are owned. */
  async isBalanced(waitMs = 30_000): Promise<void> {
    const { partitions } = this.settings
    await waitUntil('the partitions are shared evenly', waitMs, () => {
      const owned = this.nodes.map((node) => node.owned)
      return (
        owned.reduce((sum, one) => sum + one, 0) === partitions &&
        Math.max(...owned) - Math.min(...owned) <= (partitions % owned.length === 0 ? 0 : 1)
      )
    })
  }

  /** Ends all connections of a node on the server. @returns how many */
  async disconnect(node: WorkerNode): Promise<number> {
    const { rows } = await this.load.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      [node.name],
    )
    return rows.length
  }

  check(limits: Partial<Limits> = {}): Verdict {
    const { accepted, unknown } = this.load
    const { concurrency, maxUnsettled } = this.settings
    return checkHistory({
      accepted,
      unknown,
      events: this.sink.history(),
      limits: { rerunsPerLoss: maxUnsettled + concurrency, restartMs: 12_000, ...limits },
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end()))
    await this.load.close()
    await this.sink.stop()
    await this.#onStop()
  }
}
