import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild } from '../../scripts/child-processes.ts'
import { createNode, defineApplication, type Node } from '../../src/index.ts'
import type { Deed } from './deeds.ts'
import { EffectSink } from './effect-sink.ts'
import { isEffect, type HistoryEvent } from './history.ts'
import { free, hanging, keyed, type PoisonInput, type PoisonNodeSettings } from './poison-process.ts'

/** Handlers go on for 30 s of it. */
const endLimitMs = 60_000

export interface PoisonNews {
  readonly event: 'ready' | 'partition.mode' | 'item.crashed-node'
  readonly data: Readonly<Record<string, unknown>>
}

export interface Submitted extends PoisonInput {
  readonly id: string
}

/** Node processes that are started again whenever they die, an effect sink, and what was handed over to them. */
export class PoisonRun {
  readonly folder: string
  readonly news: PoisonNews[] = []
  readonly submitted: Submitted[] = []
  /** Processes that ended without having been asked to. */
  deaths = 0
  readonly #settings: Omit<PoisonNodeSettings, 'name' | 'sink'>
  readonly #sink: EffectSink
  readonly #children = new Map<number, ChildProcess>()
  readonly #numbers = new Map<string, number>()
  #started = 0
  #stopping = false

  private constructor(folder: string, sink: EffectSink, settings: Omit<PoisonNodeSettings, 'name' | 'sink'>) {
    this.folder = folder
    this.#sink = sink
    this.#settings = settings
  }

  /** @param database a URL; an embedded one in the run's folder unless given */
  static async open(database: string | undefined, workMs = 4): Promise<PoisonRun> {
    const folder = await mkdtemp(join(tmpdir(), 'coatcheck-poison-'))
    const sink = await EffectSink.start(folder)
    return new PoisonRun(folder, sink, { database: database ?? join(folder, 'data'), workMs })
  }

  /** Has so many processes run from now on, one in the place of each that dies. Resolves when they are ready. */
  async supervise(processes: number): Promise<void> {
    await Promise.all(Array.from({ length: processes }, (_, slot) => this.#start(slot)))
  }

  /** SIGTERM to one, and another in its place. */
  async restart(slot: number): Promise<void> {
    const child = this.#children.get(slot)
    this.#children.delete(slot)
    if (child) await endChild(child, 'SIGTERM', endLimitMs)
    await this.#start(slot)
  }

  /** SIGKILL to one; the supervisor does the rest. */
  kill(slot: number): void {
    this.#children.get(slot)?.kill('SIGKILL')
  }

  /** A node to hand over to and to ask; never started. */
  async client<T>(use: (node: Node) => Promise<T>): Promise<T> {
    const { database } = this.#settings
    const node = await createNode({
      applications: [defineApplication({ name: 'poison', definitions: [keyed, free, hanging] })],
      ...(database.startsWith('postgres') ? { database } : { database: 'embedded', directory: database }),
      log: false,
    })
    try {
      return await use(node)
    } finally {
      await node.stop()
    }
  }

  /** Hands over items of random keys, and among them, evenly spread, those that do something. */
  async submit(
    node: Node,
    {
      items,
      keys,
      poison,
    }: { readonly items: number; readonly keys: number; readonly poison: readonly Deed[] },
  ): Promise<void> {
    const every = Math.floor(items / (poison.length + 1))
    const inputs = Array.from({ length: items }, (_, at): PoisonInput => {
      const deed = at > 0 && at % every === 0 ? poison[at / every - 1] : undefined
      const key = keys > 0 ? `k${Math.floor(Math.random() * keys)}` : `u${this.submitted.length + at}`
      const n = (this.#numbers.get(key) ?? 0) + 1
      this.#numbers.set(key, n)
      return { key, n, keyed: keys > 0, ...(deed ? { deed } : {}) }
    })
    for (let at = 0; at < inputs.length; at += 500) {
      const batch = inputs.slice(at, at + 500)
      const ids = await node.enqueueMany(keys > 0 ? keyed : free, batch)
      this.submitted.push(...batch.map((one, index) => ({ ...one, id: ids[index] as string })))
    }
  }

  /** Hands over one whose handler never settles, and then those, which are read after it. */
  async submitBehindHanging(node: Node, poison: readonly Deed[]): Promise<void> {
    const inputs = poison.map((deed): PoisonInput => ({ key: `behind-${deed}`, n: 1, keyed: false, deed }))
    const first: PoisonInput = { key: 'hanging', n: 1, keyed: false, deed: 'never' }
    const [, ...ids] = await node.enqueueMany(hanging, [first, ...inputs])
    this.submitted.push(...inputs.map((one, at) => ({ ...one, id: ids[at] as string })))
  }

  history(): HistoryEvent[] {
    return this.#sink.history()
  }

  /** Each item that was handed over, of a key, ended before a later one of it began, and none of it overlapped. */
  violations(): string[] {
    return checkKeys(this.submitted, this.history())
  }

  /** SIGTERM to all, and none in their place. */
  async stopProcesses(): Promise<void> {
    this.#stopping = true
    await Promise.all([...this.#children.values()].map((child) => endChild(child, 'SIGTERM', endLimitMs)))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all([...this.#children.values()].map((child) => endChild(child)))
    await this.#sink.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #start(slot: number): Promise<void> {
    const settings = { ...this.#settings, name: `n${++this.#started}`, sink: this.#sink.path }
    const child = fork(join(import.meta.dirname, 'poison-process.ts'), [JSON.stringify(settings)], {
      execArgv: ['--max-old-space-size=200'],
      // Its last words, when its memory is full or a rejection ends it, are of no interest.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#children.set(slot, child)
    const ready = Promise.withResolvers<void>()
    child.on('message', (message) => {
      const news = message as PoisonNews
      if (news.event === 'ready') ready.resolve()
      this.news.push(news)
    })
    child.on('exit', () => {
      ready.resolve()
      if (this.#stopping || this.#children.get(slot) !== child) return
      this.deaths++
      void this.#start(slot)
    })
    await ready.promise
  }
}

function checkKeys(submitted: readonly Submitted[], history: readonly HistoryEvent[]): string[] {
  const found: string[] = []
  const poison = new Set(submitted.filter(({ deed }) => deed).map(({ key, n }) => `${key}#${n}`))
  const keys = new Map<string, { open: Map<string, number>; ended: Set<number>; highest: number }>()
  for (const event of history) {
    if (!isEffect(event)) {
      if (event.op === 'gone') for (const { open } of keys.values()) open.delete(event.node)
      continue
    }
    const { key, n, node, op } = event
    let state = keys.get(key)
    if (!state) keys.set(key, (state = { open: new Map(), ended: new Set(), highest: 0 }))
    if (op !== 'start') {
      state.open.delete(node)
      if (op === 'end') state.ended.add(n)
      continue
    }
    if (state.open.size > 0) found.push(`${key}: ${n} began while another one ran`)
    for (let before = 1; before < n; before++)
      if (!state.ended.has(before) && !poison.has(`${key}#${before}`))
        found.push(`${key}: ${n} began before ${before} had ended`)
    if (poison.has(`${key}#${n}`) && state.highest > n)
      found.push(`${key}: the poison ${n} began after ${state.highest}`)
    state.highest = Math.max(state.highest, n)
    state.open.set(node, n)
  }
  return found
}
