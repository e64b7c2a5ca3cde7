import assert from 'node:assert/strict'
import { z } from 'zod'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { quotedSchema } from '../../src/store/schema-name.ts'
import { createTestNode } from '../../src/testing/testing.ts'
import type { Place } from '../flows/setup.ts'
import { Dice } from './dice.ts'
import { SimulatedNode } from './simulated-node.ts'

interface Sent {
  readonly id: string
  readonly key: string
  readonly n: number
}

export interface Figures {
  accepted: number
  unknown: number
  effects: number
  broken: number
  faults: number
  deaths: number
  zombies: number
}

const steps = 40
const keys = ['a', 'b', 'c', 'd', 'e']
const nodesAtMost = 3

/**
 * A run of several nodes on one database with a virtual clock, in one process: what is enqueued, which statements fail and how,
 * which node dies, loses its lease or stops, and how time passes, all come from the seed. The order in which the event loop serves the
 * nodes does not: a seed that fails may need a few runs to fail again.
 */
export class Simulation {
  readonly #dice: Dice
  readonly #place: Place
  readonly #sent: Sent[] = []
  readonly #nodes: SimulatedNode[] = []
  readonly #figures: Figures = {
    accepted: 0,
    unknown: 0,
    effects: 0,
    broken: 0,
    faults: 0,
    deaths: 0,
    zombies: 0,
  }
  #n = 0
  readonly #work

  constructor(seed: number, place: Place) {
    this.#dice = new Dice(seed)
    this.#place = place
    const dice = this.#dice
    const table = `${quotedSchema(place.schema)}.effect`
    this.#work = defineQueueProcessor({
      name: 'work',
      input: z.object({ key: z.string(), n: z.number() }),
      key: ({ key }) => key,
      concurrency: 8,
      retry: { maxAttempts: 4, initialDelay: '1 second', factor: 2 },
      async process({ key, n }, ctx) {
        if (dice.isOne(15)) throw new Error('not now')
        // With and without a transaction of their own.
        if (n % 2 === 0) await new Promise(setImmediate)
        ctx.atCommit((tx) =>
          tx.query(`insert into ${table} (key, n, item) values ($1, $2, $3)`, [key, n, ctx.item.id]),
        )
      },
    })
  }

  async run(): Promise<Figures> {
    try {
      const first = await this.#startNode()
      await first.node.query(
        `create table ${quotedSchema(this.#place.schema)}.effect (at bigint generated always as identity, key text, n int, item uuid)`,
      )
      for (let step = 0; step < steps; step++) await this.#step()
      await this.#heal()
      await this.#check()
      return this.#figures
    } finally {
      await Promise.all(this.#nodes.map((node) => node.stop()))
    }
  }

  async #step(): Promise<void> {
    const alive = this.#alive()
    const dice = this.#dice
    const node = dice.pick(alive)
    const thrown = dice.below(100)
    if (thrown < 45) await this.#enqueue(node)
    else if (thrown < 60) await node.node.advance(`${1 + dice.below(5)} seconds`).catch(() => {})
    else if (thrown < 75)
      node.setRates({ refused: dice.below(8), answerLost: dice.below(8), slow: dice.below(30) })
    else if (thrown < 83) {
      if (alive.length < nodesAtMost) await this.#startNode()
    } else if (thrown < 90) {
      if (alive.length > 1) await this.#kill(node)
    } else if (thrown < 96) {
      // Frozen for so long that others took over; when it wakes it does not know.
      if (alive.length > 1) await this.#freeze(node)
    } else if (alive.length > 1) {
      this.#figures.faults += node.faults
      this.#nodes.splice(this.#nodes.indexOf(node), 1)
      await node.stop()
    }
  }

  #alive(): SimulatedNode[] {
    return this.#nodes.filter(({ isDead }) => !isDead)
  }

  async #startNode(): Promise<SimulatedNode> {
    const node = await createTestNode({
      applications: [defineApplication({ name: 'simulation', definitions: [this.#work] })],
      ...this.#place,
      stopTimeout: '2s',
    })
    const simulated = new SimulatedNode(node, this.#dice)
    this.#nodes.push(simulated)
    return simulated
  }

  async #enqueue({ node }: SimulatedNode): Promise<void> {
    const payloads = Array.from({ length: 1 + this.#dice.below(12) }, () => ({
      key: this.#dice.pick(keys),
      n: this.#n++,
    }))
    try {
      const ids = await node.enqueueMany(this.#work, payloads)
      for (const [at, id] of ids.entries()) this.#sent.push({ id, ...payloads[at]! })
    } catch {
      // Refused, or unknown: what is there of it runs, what is not was never promised.
      this.#figures.unknown += payloads.length
    }
  }

  async #kill(node: SimulatedNode): Promise<void> {
    node.die()
    this.#figures.deaths++
    this.#figures.faults += node.faults
    await this.#expireLease(node)
  }

  async #freeze(node: SimulatedNode): Promise<void> {
    this.#figures.zombies++
    await this.#expireLease(node)
  }

  async #expireLease({ bootId }: SimulatedNode): Promise<void> {
    const other = this.#alive().find((one) => one.bootId !== bootId)
    const schema = quotedSchema(this.#place.schema)
    await other?.node.query(
      `update ${schema}.node set lease_until = ${schema}.clock() - interval '1 second' where boot_id = $1`,
      [bootId],
    )
  }

  /** No more faults: from here on everything has to come to an end. */
  async #heal(): Promise<void> {
    for (const node of this.#alive()) node.setRates({ refused: 0, answerLost: 0, slow: 0 })
    const [node] = this.#alive()
    for (let round = 0; round < 100; round++) {
      await node?.node.drain()
      const waiting = await node?.node.query(
        `select 1 from ${quotedSchema(this.#place.schema)}.waiting_item limit 1`,
      )
      if (waiting?.rows.length === 0) break
      await node?.node.advance('1 minute')
    }
    for (const { faults } of this.#alive()) this.#figures.faults += faults
  }

  async #check(): Promise<void> {
    const { node } = this.#alive()[0]!
    const { rows } = await node.query(
      `select key, n, item from ${quotedSchema(this.#place.schema)}.effect order by at`,
    )
    const effects = new Map<string, number>()
    const lastOf = new Map<string, number>()
    for (const { key, n, item } of rows as { key: string; n: number; item: string }[]) {
      effects.set(item, (effects.get(item) ?? 0) + 1)
      assert.ok(n > (lastOf.get(key) ?? -1), `key ${key}: ${n} took effect after ${lastOf.get(key)}`)
      lastOf.set(key, n)
    }
    for (const { id, key, n } of this.#sent) {
      const item = await node.item(id)
      assert.ok(item, `${key}${n} was accepted and is lost`)
      assert.ok(
        item.state === 'succeeded' || item.state === 'broken',
        `${key}${n} is ${item.state} at the end`,
      )
      assert.equal(effects.get(id) ?? 0, item.state === 'succeeded' ? 1 : 0, `${key}${n} is ${item.state}`)
      if (item.state === 'broken') this.#figures.broken++
    }
    this.#figures.accepted = this.#sent.length
    this.#figures.effects = rows.length
  }
}
