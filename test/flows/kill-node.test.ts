import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RunSettings } from '../chaos/chaos-run.ts'
import { killRounds, problemsOf, type KillSettings } from '../chaos/kill-rounds.ts'
import { skipped, startRun } from './chaos-setup.ts'

/** The short form of `npm run chaos`. */
describe('kill -9 in the middle of keyed items', { skip: skipped }, () => {
  it('of one of two nodes loses nothing and keeps the order of keys', async (t) => {
    await run(t, { kills: 2, items: 5_000, keys: 500 })
  })

  it('does so too while attempts fail', async (t) => {
    await run(t, { kills: 1, items: 5_000, keys: 500 }, { failing: 0.1 })
  })

  it('of all nodes at once does so too', async (t) => {
    await run(t, { kills: 1, items: 5_000, keys: 500, all: true })
  })
})

async function run(t: TestContext, settings: KillSettings, more: Partial<RunSettings> = {}): Promise<void> {
  const chaos = await startRun(t, 2, { workMs: 20, ...more })
  for await (const round of killRounds(chaos, settings)) {
    const { reruns, slowestRestartMs } = round.verdict.figures
    t.diagnostic(
      `killed after ${round.endedAtKill} of ${settings.items}: ${reruns} again, the last after ${slowestRestartMs} ms`,
    )
    assert.deepEqual(problemsOf(round), [])
  }
}
