import type { TestContext } from 'node:test'
import { ChaosRun, usualSettings, type RunSettings } from '../chaos/chaos-run.ts'
import { freshDatabase, testDatabase } from '../databases.ts'

/** Why a test of several processes is skipped; false where it is not. */
export const skipped =
  testDatabase().kind === 'pglite' && 'an embedded database has one process; this needs a server'

/** A sink, a load client and so many nodes, in a database of their own; ended with the test. */
export async function startRun(
  t: TestContext,
  nodes: number,
  settings: Partial<RunSettings> = {},
): Promise<ChaosRun> {
  const runs: ChaosRun[] = []
  // Asked for first, so that it ends before the database is dropped.
  t.after(() => runs[0]?.stop())
  const database = await freshDatabase()
  const run = await ChaosRun.start({ ...usualSettings, database, ...settings })
  runs.push(run)
  for (let at = 0; at < nodes; at++) await run.startNode()
  if (nodes > 0) await run.isBalanced()
  return run
}
