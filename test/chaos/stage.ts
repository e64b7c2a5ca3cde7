import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startPostgres, type Postgres } from '../../scripts/postgres.ts'
import type { TcpProxy } from '../store/tcp-proxy.ts'
import { ChaosRun, usualSettings, type RunSettings } from './chaos-run.ts'
import { consoleFigure } from './check-console.ts'
import { endOfAll } from './check-end.ts'
import type { Limits } from './check-history.ts'
import { checkStates, type StateVerdict } from './check-states.ts'
import type { Endings } from './endings.ts'
import { atLeast, atMost, none, told, type Figure } from './figure.ts'
import type { Accepted } from './load-client.ts'
import { openNetwork, type Network } from './nemeses/network.ts'
import { PacedLoad, type Pace } from './paced-load.ts'
import { seededRandom } from './seeded-random.ts'
import { countForeignSettles, watchSettles } from './settle-watch.ts'
import { StateWatch } from './state-watch.ts'
import type { Standing } from './state-witness.ts'
import { waitUntil } from './wait-until.ts'
import type { WorkerNode } from './worker-node.ts'

export interface StageOptions {
  readonly seed: number
  /** How long faults are made. */
  readonly seconds: number
  /** The figures that a longer run has to meet are not asked for. */
  readonly isShort: boolean
  /** Items a second that come in, where nothing is measured before. */
  readonly rate?: number | undefined
  /** Where histories go. */
  readonly folder: string
  /** What is to be ended with the case. */
  readonly endings: Endings
  readonly settings?: Partial<RunSettings>
  /** Who reaches the database only through a network of the stage's own, which can go bad. */
  readonly behindNetwork?: 'load' | 'all'
  /** The way of all to the database, other than by its own address. */
  readonly route?: (url: string) => Promise<string>
  readonly serverFolder?: string
  readonly serverSettings?: Readonly<Record<string, string>>
}

/** A calibrated rate under this gives a run no meaning. */
const leastRate = 300
/** Of items after their end: eight of up to 18 when all is over, and two a second before. */
const leastLooks = 40
/** Nothing has ended for so long: longer than a lease, a stuck handler, and a server that is stopped. */
const stallMs = 60_000
const keys = 1_000

/** A PostgreSQL of its own, nodes, a load and a sink: what a case plays on. */
export class Stage {
  readonly options: StageOptions
  readonly random: () => number
  readonly server: Postgres
  readonly run: ChaosRun
  /** Items a second, end to end, without faults. */
  cleanRate = 0
  readonly #network: Network | undefined
  readonly #watch: StateWatch
  readonly #starting = new Set<Promise<unknown>>()
  #failedStarts = 0

  private constructor(
    options: StageOptions,
    server: Postgres,
    run: ChaosRun,
    random: () => number,
    network: Network | undefined,
  ) {
    this.options = options
    this.server = server
    this.run = run
    this.random = random
    this.#network = network
    this.#watch = new StateWatch(run.load, run.states, seededRandom(options.seed + 1))
  }

  static async open(options: StageOptions): Promise<Stage> {
    await mkdir(options.folder, { recursive: true })
    const server = await startPostgres({
      version: 15,
      durable: true,
      ...(options.serverFolder === undefined ? {} : { folder: options.serverFolder }),
      settings: { ...options.serverSettings },
    })
    options.endings.add('server', () => server.stop())
    const random = seededRandom(options.seed)
    const own = (await options.route?.(server.url)) ?? server.url
    const network = options.behindNetwork ? await openNetwork(own, options.endings) : undefined
    const through = network?.url ?? own
    const settings = {
      ...usualSettings,
      database: options.behindNetwork === 'all' ? through : own,
      logFile: join(options.folder, 'nodes.log'),
      ...options.settings,
    }
    const databases = { loadDatabase: through, witnessDatabase: server.url }
    const run = await ChaosRun.start({ ...settings, ...databases }, options.folder, random)
    options.endings.add('run', () => run.stop())
    await watchSettles(run)
    const stage = new Stage(options, server, run, random, network)
    options.endings.add('watch of the states', () => stage.#watch.stop())
    stage.#watch.begin()
    return stage
  }

  /** What `behindNetwork` asked for. */
  get network(): TcpProxy {
    if (!this.#network) throw new Error('This stage has no network of its own.')
    return this.#network.proxy
  }

  /** One more network in front of the server, for some of the nodes. */
  openNetwork(): Promise<Network> {
    return openNetwork(this.server.url, this.options.endings)
  }

  /** Half of the clean rate. */
  get rate(): number {
    return this.cleanRate / 2
  }

  readonly anyKey = (): string => `k-${Math.floor(this.random() * keys)}`

  /** Starts so many nodes and measures what they do without faults. @throws VoidRun where that is too little */
  async prepare(nodes: number): Promise<void> {
    while (this.run.nodes.length < nodes) await this.run.startNode()
    await this.run.isBalanced(60_000)
    if (this.options.rate !== undefined) {
      this.cleanRate = 2 * this.options.rate
      return
    }
    await this.measure(1)
    this.cleanRate = await this.measure(this.options.isShort ? 3 : 5)
    if (this.rate < leastRate)
      throw new VoidRun(`half of the clean rate is ${Math.round(this.rate)} items/s, less than ${leastRate}`)
  }

  /** Items a second from the first accepted to the last settled, with as much as can be handed over in so many seconds. */
  measure(seconds: number): Promise<number> {
    return this.#watch.rest(() => this.#measure(seconds))
  }

  async #measure(seconds: number): Promise<number> {
    const { load } = this.run
    const before = load.accepted.length
    const { ended } = await this.run.sink.count()
    const began = performance.now()
    while (performance.now() - began < seconds * 1000) await load.send(500, this.anyKey)
    // By what ends from here on: what was lost before is not waited for.
    await this.run.reaches(ended + load.accepted.length - before, 60_000).catch(() => {})
    return ((load.accepted.length - before) / (performance.now() - began)) * 1000
  }

  /** Makes faults while half of the clean rate comes in; a second before and after it as well. */
  async underLoad(faults: (load: PacedLoad) => Promise<void>, pace: Partial<Pace> = {}): Promise<LoadReport> {
    const load = this.pace({ rate: this.rate, keyOf: this.anyKey, ...pace })
    try {
      await delay(1_000)
      const from = await this.run.sink.count()
      const began = performance.now()
      await faults(load)
      const seconds = (performance.now() - began) / 1000
      const to = await this.run.sink.count()
      await delay(1_000)
      return {
        load,
        seconds,
        ended: to.ended - from.ended,
        share: (to.ended - from.ended) / (seconds * this.rate),
      }
    } finally {
      await load.stop()
    }
  }

  /** A load of its own, which ends with the case at the latest. */
  pace(pace: Pace): PacedLoad {
    const load = new PacedLoad(this.run.load, pace)
    this.options.endings.add('load', () => load.stop())
    return load
  }

  /** Strikes every so often until the time for faults is over. @returns how often */
  async strike(
    everyMs: number,
    strike: () => Promise<unknown>,
    seconds = this.options.seconds,
  ): Promise<number> {
    const until = performance.now() + seconds * 1000
    let strikes = 0
    for (let next = performance.now() + everyMs / 2; next < until; next += everyMs) {
      await delay(Math.max(0, next - performance.now()))
      if ((await strike()) !== false) strikes++
    }
    await delay(Math.max(0, until - performance.now()))
    return strikes
  }

  anyNode(): WorkerNode {
    const { nodes } = this.run
    const node = nodes[Math.floor(this.random() * nodes.length)]
    if (!node) throw new Error('No node is left.')
    return node
  }

  /** Starts a node while all goes on. */
  startBeside(): void {
    const starting: Promise<unknown> = this.run.startNode().then(
      () => this.#starting.delete(starting),
      () => {
        this.#failedStarts++
        this.#starting.delete(starting)
      },
    )
    this.#starting.add(starting)
  }

  /** The database or the network went away for all nodes, or one of them. */
  async markFault(node = '*'): Promise<void> {
    await this.run.sink.mark('fault', node)
  }

  /**
   * Waits for the end of all, and holds what happened against what is promised.
   * @param withinMs so soon all should have ended; it is waited for longer, as long as some do
   */
  async close(
    limits: Partial<Limits> = {},
    withinMs = this.options.isShort ? 45_000 : 180_000,
  ): Promise<{ figures: Figure[]; standing: Standing }> {
    const { run } = this
    await Promise.all(this.#starting)
    const wait = await run.drain(stallMs, withinMs + (this.options.isShort ? 30_000 : 420_000))
    await this.#watch.stop()
    const { standing, states } = await this.#judgeStates()
    const { violations, figures } = run.check(limits, standing.openIds)
    const all = [...violations, ...states.violations]
    await this.#write(
      'violations.txt',
      all.map(({ kind, text }) => `${kind}: ${text}\n`),
    )
    const count = (...kinds: string[]): number => all.filter(({ kind }) => kinds.includes(kind)).length
    return {
      standing,
      figures: [
        told('accepted', figures.accepted),
        none('lost', count('lost')),
        none('never accepted, and ran', count('unexpected')),
        none('out of order', count('reordered')),
        none('two of a key at once', count('overlapping')),
        none('with an old token, of nodes that were not lost', count('stale')),
        none('settled by who was not the owner', await countForeignSettles(run)),
        none('items there twice', standing.twice),
        none('run again without a reason', count('repeated')),
        none('more reruns than the losses allow', count('too-many-reruns')),
        { ...none('items again too late, partitions idle', count('late', 'idle')), isTimed: true },
        none('states that went back, items not found', count('revived', 'vanished')),
        atLeast('times that an item was looked at again after its end', states.looksAfterEnd, leastLooks),
        none('nodes that did not start', this.#failedStarts),
        none('items not accounted for, whenever they were counted', count('unconserved')),
        atLeast('times that all items were counted', this.#watch.counts.length, 2),
        // Also of what was handed over beside the load.
        await consoleFigure(run.states, await run.states.count()),
        ...endOfAll(wait, standing.byState, withinMs / 1000),
        told('reruns', figures.reruns),
        told('effects with an old token', figures.old),
        ...(run.load.unknown.length > 0 ? [told('told "unknown"', run.load.unknown.length)] : []),
      ],
    }
  }

  /** Once more at what has ended, at each item, and at how many there are. */
  async #judgeStates(): Promise<{ standing: Standing; states: StateVerdict }> {
    for (let look = 0; look < 8; look++) await this.#watch.look()
    const standing = await this.run.standing()
    await this.#watch.count()
    const { samples, counts } = this.#watch
    await this.#write(
      'states.jsonl',
      samples.map(({ at, key, n, state }) => `${JSON.stringify([at, key, n, state ?? null])}\n`),
    )
    await this.#write(
      'counts.jsonl',
      counts.map((count) => `${JSON.stringify(count)}\n`),
    )
    const { byState, isThere } = standing
    return { standing, states: checkStates({ samples, counts, accepted: byState, isThere }) }
  }

  async #write(name: string, lines: readonly string[]): Promise<void> {
    await writeFile(join(this.options.folder, name), lines.join(''))
  }

  /** When items were handed over, and when they began to run for the first time. */
  startsOf(of: (item: Accepted) => boolean): { readonly sentAt: number; readonly startedAt: number }[] {
    const startedAt = new Map<string, number>()
    for (const event of this.run.sink.history()) {
      if (event.op !== 'start') continue
      const name = `${event.key}#${event.n}`
      if (!startedAt.has(name)) startedAt.set(name, event.at)
    }
    return this.run.load.accepted.filter(of).flatMap(({ key, n, sentAt }) => {
      const at = startedAt.get(`${key}#${n}`)
      return at === undefined ? [] : [{ sentAt, startedAt: at }]
    })
  }

  /** Milliseconds from before an item was handed over until it began to run for the first time, sorted. */
  latencies(of: (item: Accepted) => boolean = () => true): number[] {
    return this.startsOf(of)
      .map(({ sentAt, startedAt }) => startedAt - sentAt)
      .toSorted((a, b) => a - b)
  }
}

export interface LoadReport {
  readonly load: PacedLoad
  readonly seconds: number
  /** Items that ended while the faults were made, and as a share of those that came in. */
  readonly ended: number
  readonly share: number
}

/** The machine is too slow, or lacks something: the run says nothing, good or bad. */
export class VoidRun extends Error {}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** Waits at most so long. @returns how long it took, or that time and a bit more */
export async function timeUntil(waitMs: number, isSo: () => boolean | Promise<boolean>): Promise<number> {
  const began = performance.now()
  await waitUntil('it is so', waitMs, isSo).catch(() => {})
  return performance.now() - began
}

/** How much of what came in was done meanwhile. */
export function goodput(report: LoadReport, least: number): Figure {
  return atLeast('goodput beside the faults', Math.round(report.share * 100), least, '%')
}

export function gapAtMost(report: LoadReport, ms: number): Figure {
  return atMost('longest time without an accept', report.load.longestGapMs, ms, 'ms')
}
