import { engineOf } from '../../src/node.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { answerLost, intercept, unreachable } from '../engine/faults.ts'
import type { Dice } from './dice.ts'

/** In a hundred statements, how many go wrong, and how. */
export interface FaultRates {
  readonly refused: number
  readonly answerLost: number
  readonly slow: number
}

/** A node whose statements go wrong by the plan of a seed, and that can fall silent for ever, as one that was killed. */
export class SimulatedNode {
  readonly node: TestNode
  readonly #dice: Dice
  #rates: FaultRates = { refused: 0, answerLost: 0, slow: 0 }
  #stopped: Promise<void> | undefined
  isDead = false
  faults = 0

  constructor(node: TestNode, dice: Dice) {
    this.node = node
    this.#dice = dice
    intercept(node, async (_name, proceed) => {
      if (this.isDead) throw unreachable()
      const { refused, answerLost: lost, slow } = this.#rates
      if (this.#happens(refused)) throw unreachable()
      if (this.#happens(slow)) await someTurns(this.#dice.below(20))
      const rows = await proceed()
      if (this.isDead || this.#happens(lost)) throw answerLost()
      return rows
    })
    this.#endTransactionsWithTheNode()
  }

  get bootId(): string {
    return engineOf(this.node).bootId
  }

  setRates(rates: FaultRates): void {
    this.#rates = rates
  }

  /** Nothing that it does reaches the database any more, and no answer reaches it. */
  die(): void {
    this.isDead = true
    // Takes it off the shared clock; what else it tries comes to nothing.
    this.#stopped = this.node.stop()
    this.#stopped.catch(() => {})
  }

  /** Stops it, or waits until one that died has given up. */
  async stop(): Promise<void> {
    this.setRates({ refused: 0, answerLost: 0, slow: 0 })
    await (this.#stopped ?? this.node.stop()).catch(() => {})
  }

  #happens(inHundred: number): boolean {
    const happens = this.#dice.isOne(inHundred)
    if (happens) this.faults++
    return happens
  }

  // A transaction that is open when the node dies is rolled back, as the server does when the connection is gone.
  #endTransactionsWithTheNode(): void {
    const { driver } = engineOf(this.node).database
    const begin = driver.transaction.bind(driver)
    driver.transaction = (work, options) => {
      if (this.isDead) return Promise.reject(unreachable())
      return begin(async (transaction) => {
        const result = await work(transaction)
        if (this.isDead) throw unreachable()
        return result
      }, options)
    }
  }
}

async function someTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}
