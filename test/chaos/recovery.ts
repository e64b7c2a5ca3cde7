import { setTimeout as delay } from 'node:timers/promises'
import { connectAdmin } from './admin.ts'
import type { PacedLoad } from './paced-load.ts'
import { timeUntil, type Stage } from './stage.ts'

/** From when the server answers again until something was accepted and something ended, in ms. */
export async function timeRecovery(stage: Stage, load: PacedLoad, waitMs = 60_000): Promise<number> {
  await isReady(stage)
  const readyAt = performance.now()
  const { ended } = await stage.run.sink.count()
  return timeUntil(
    waitMs,
    async () => load.lastGoodAt > readyAt && (await stage.run.sink.count()).ended > ended,
  )
}

async function isReady(stage: Stage): Promise<void> {
  for (const until = performance.now() + 60_000; performance.now() < until;) {
    try {
      const client = await connectAdmin(stage.server.url)
      await client.end()
      return
    } catch {
      await delay(20)
    }
  }
}
