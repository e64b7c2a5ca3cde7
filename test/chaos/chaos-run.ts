import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Patience, type Wait } from './check-end.ts'
import { checkHistory, type Limits, type Verdict } from './check-history.ts'
import { EffectSink } from './effect-sink.ts'
import { LoadClient } from './load-client.ts'
import type { NodeSettings } from './node-process.ts'
import { StateWitness, type Standing } from './state-witness.ts'
import { waitUntil, within } from './wait-until.ts'
import { WorkerNode } from './worker-node.ts'

export interface RunSettings extends Omit<NodeSettings, 'name' | 'label' | 'sink'> {
  /** How the load client reaches the database, where other than the nodes. */
  readonly loadDatabase?: string
  /** Whether the sink refuses effects with an old token; true unless set. What is wrong with them the checker says itself. */
  readonly sinkRefuses?: boolean
  /** How the witness of the states does, past all that is made bad. */
  readonly witnessDatabase?: string
}

/** What a node has of its own. */
interface OwnSettings extends Partial<RunSettings> {
  /** Its name to itself, a label: that of one that has ended unless set, as after a restart. */
  readonly label?: string
  /** How far its process's clock is off. */
  readonly clockOffsetMs?: number
}

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
  readonly states: StateWitness
  readonly settings: RunSettings
  readonly #nodes = new Set<WorkerNode>()
  readonly #all: WorkerNode[] = []
  #started = 0
  #isOver = false

  private constructor(folder: string, sink: EffectSink, load: LoadClient, settings: RunSettings) {
    this.folder = folder
    this.sink = sink
    this.load = load
    this.states = new StateWitness(settings.witnessDatabase ?? settings.database)
    this.settings = settings
  }

  /**
   * @param folder where the histories go; a temporary one, deleted by `stop`, unless given
   * @param random which keys items get; `Math.random` unless given
   */
  static async start(settings: RunSettings, folder?: string, random?: () => number): Promise<ChaosRun> {
    const at = folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-chaos-')))
    const sink = await EffectSink.start(at, settings.sinkRefuses)
    try {
      const load = await LoadClient.open(settings.loadDatabase ?? settings.database, {
        work: settings,
        ...(folder === undefined ? {} : { file: join(at, 'submissions.jsonl') }),
        ...(random ? { random } : {}),
      })
      const run = new ChaosRun(at, sink, load, settings)
      if (folder === undefined) run.#onStop = () => rm(at, { recursive: true, force: true })
      return run
    } catch (error) {
      await sink.stop()
      throw error
    }
  }

  #onStop: () => Promise<void> = async () => {}

  get nodes(): WorkerNode[] {
    return [...this.#nodes].filter((node) => node.isAlive)
  }

  /** All that were ever started. */
  get everyNode(): readonly WorkerNode[] {
    return this.#all
  }

  async startNode(own: OwnSettings = {}): Promise<WorkerNode> {
    const { clockOffsetMs, label = this.#freeLabel(), ...more } = own
    const name = `n${++this.#started}`
    if (this.#isOver) throw new Error(`The run is over: ${name} is not started any more.`)
    const settings = { ...this.settings, ...more, name, label, sink: this.sink.path }
    const node = WorkerNode.launch(settings, this.sink, clockOffsetMs)
    this.#all.push(node)
    await node.isReady()
    this.#nodes.add(node)
    return node
  }

  #freeLabel(): string {
    const taken = new Set(this.nodes.map(({ label }) => label))
    for (let at = 1; ; at++) if (!taken.has(`worker-${at}`)) return `worker-${at}`
  }

  /** Resolves when all that was accepted has succeeded and is settled. */
  async finish(waitMs: number): Promise<Standing> {
    await waitUntil('all items have ended', waitMs, async () => {
      const { ended } = await this.sink.count()
      return ended >= this.load.accepted.length
    })
    await waitUntil('all items are settled', 60_000, async () => {
      if ((await this.states.ended()) >= this.load.accepted.length) return true
      await delay(200)
      return false
    })
    const standing = await this.standing()
    if (standing.open > 0) throw new Error(`${standing.open} items have ended, and not well.`)
    return standing
  }

  /** Waits until all that was accepted has ended and is settled, as long as some do. */
  async drain(stallMs: number, limitMs: number): Promise<Wait> {
    const patience = new Patience(stallMs, limitMs, performance.now())
    const { accepted } = this.load
    let asked = 0
    for (;;) {
      const { ended } = await this.sink.count()
      // Counting all there are is work: where the sink has not seen their ends, some will not be there.
      const isLikely = ended >= accepted.length || ++asked % 40 === 0
      const isOver = isLikely && (await this.#areOver())
      const wait = patience.look(performance.now(), ended, isOver)
      if (wait) return wait
      await delay(ended >= accepted.length ? 500 : 100)
    }
  }

  // What the database is away for is not over.
  async #areOver(): Promise<boolean> {
    const { accepted } = this.load
    if ((await this.states.ended().catch(() => 0)) < accepted.length) return false
    const { openIds } = await this.standing()
    return openIds.size === 0
  }

  /** What the database says of what was accepted. */
  standing(): Promise<Standing> {
    return this.states.standing(this.load.accepted.map(({ id }) => id))
  }

  /** Resolves when so many different items have ended. */
  async reaches(items: number, waitMs: number): Promise<void> {
    await waitUntil(`${items} items have ended`, waitMs, async () => (await this.sink.count()).ended >= items)
  }

  /** Resolves when each of the nodes owns about as many partitions as the others, and all are owned. */
  async isBalanced(waitMs = 30_000): Promise<void> {
    const { partitions, nodes = 1 } = this.settings
    await waitUntil('the partitions are shared evenly', waitMs, () => {
      const owned = this.nodes.map((node) => node.owned)
      if (owned.reduce((sum, one) => sum + one, 0) !== partitions) return false
      return (
        // Evenly among nodes: of those of a process some have one, and most have none.
        nodes > 1 || Math.max(...owned) - Math.min(...owned) <= (partitions % owned.length === 0 ? 0 : 1)
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

  /** @param openIds what has not ended yet, and is there: no loss */
  check(limits: Partial<Limits> = {}, openIds?: ReadonlySet<string>): Verdict {
    const { accepted, unknown } = this.load
    const { concurrency, maxUnsettled } = this.settings
    return checkHistory({
      accepted,
      unknown,
      open: openIds ? accepted.filter(({ id }) => openIds.has(id)) : [],
      events: this.sink.history(),
      limits: { rerunsPerLoss: maxUnsettled + concurrency, restartMs: 12_000, ...limits },
    })
  }

  /** Ends all, whatever state it is in. */
  async stop(): Promise<void> {
    this.#isOver = true
    try {
      await Promise.all(this.#all.map((node) => node.end()))
      await within('the load client is closed', 20_000, this.load.close())
      await within('the witness is closed', 20_000, this.states.close())
    } finally {
      await this.sink.stop()
      await this.#onStop()
    }
  }
}
