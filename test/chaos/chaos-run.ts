import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkHistory, type Limits, type Verdict } from './check-history.ts'
import { EffectSink } from './effect-sink.ts'
import { LoadClient } from './load-client.ts'
import type { NodeSettings } from './node-process.ts'
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
    const settings = { ...this.settings, ...more, name: `n${++this.#started}`, sink: this.sink.path }
    const node = await WorkerNode.start(settings, this.sink)
    this.#nodes.add(node)
    return node
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
