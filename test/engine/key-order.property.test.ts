import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { KeyWorld } from './key-world.ts'

/** Which of the steps that are possible comes next, and with what. */
const choices = fc.array(fc.tuple(fc.nat(16), fc.nat(4095)), { minLength: 20, maxLength: 300, size: 'max' })

/** What happens until nothing is left, when all goes well. */
const wellBehaved = [
  'lookUp',
  'offer',
  'start',
  'succeed',
  'settle',
  'answer',
  'timePasses',
  'startDue',
  'tick',
  'act',
  'tellAct',
  'pass',
  'startHeads',
]

async function play(world: KeyWorld, played: readonly (readonly [number, number])[]): Promise<void> {
  for (const [which, choice] of played) {
    const possible = Object.values(world.steps()).filter((step) => step !== undefined)
    possible[which % possible.length]?.(choice)
    await turn()
  }
}

async function finish(world: KeyWorld): Promise<void> {
  for (let round = 0; !world.isQuiet && round < 2_000; round++) {
    const steps = world.steps()
    for (const name of wellBehaved) steps[name]?.(0)
    await turn()
  }
}

for (const [order, onBroken] of [
  ['strict', 'continue'],
  ['strict', 'block'],
  ['relaxed', 'continue'],
] as const)
  test(
    `${order}, broken ones ${onBroken}: whatever happens, the order of keys holds and everything ends`,
    { timeout: 120_000 },
    async (t) => {
      const sum = { failed: 0, spilled: 0, blocked: 0 }
      await fc.assert(
        fc.asyncProperty(choices, async (played) => {
          const world = new KeyWorld(order, onBroken)
          await play(world, played)
          await finish(world)
          assert.deepEqual(world.open, [])
          sum.failed += world.happened.failed
          sum.spilled += world.happened.spilled
          sum.blocked += world.happened.blocked
        }),
        { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 300) },
      )
      // A run in which nothing is hard proves nothing.
      const isHard = sum.failed > 300 && sum.spilled > 300 && (onBroken === 'continue' || sum.blocked > 100)
      assert.ok(isHard, JSON.stringify(sum))
      t.diagnostic(
        `${sum.failed} attempts failed, ${sum.spilled} items went to the lane, ${sum.blocked} blocked their keys`,
      )
    },
  )
