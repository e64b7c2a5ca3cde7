import { setTimeout as delay } from 'node:timers/promises'
import { askAdmin } from '../admin.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import type { Stage } from '../stage.ts'

export const slowNetwork: ChaosCase = {
  number: 11,
  name: 'network to the database 200 ms slower, then resets of 5 % of the connections each second',
  minutes: 5,
  shortSeconds: 24,
  async play(open) {
    const stage = await open({ behindNetwork: 'all' })
    const proxy = stage.network
    const { options } = stage
    await stage.prepare(3)
    const clean = await callsPerItem(stage, () => stage.underLoad(() => delay(5_000)))
    const half = options.seconds * 500
    let resets = 0
    let strikes = 0
    const faulted = await callsPerItem(stage, () =>
      stage.underLoad(async () => {
        // Connections that are open would see what is under way out of order.
        proxy.delay(100)
        await delay(half)
        proxy.delay(0)
        proxy.reset()
        await stage.markFault()
        resets = await stage.strike(
          1_000,
          async () => {
            await stage.markFault()
            if (strikes++ % 3 > 0) return proxy.reset(0.05, stage.random)
            // Done, and nobody was told: whoever sends it again must meet it.
            proxy.swallow('answers')
            await delay(200)
            proxy.heal()
            proxy.reset()
          },
          half / 1000,
        )
      }),
    )
    const { figures, standing } = await stage.close()
    return [
      atLeast('times that connections were reset', resets, Math.floor(half / 1000) - 1),
      ...figures,
      none('attempts that the network used up', standing.tried),
      atMost('transactions per item, against clean', faulted / clean, 3, '×'),
    ]
  },
}

/** Transactions that the server saw, by item that ended meanwhile. */
async function callsPerItem(stage: Stage, play: () => Promise<unknown>): Promise<number> {
  const before = await transactions(stage)
  const { ended } = await stage.run.sink.count()
  await play()
  return ((await transactions(stage)) - before) / Math.max(1, (await stage.run.sink.count()).ended - ended)
}

async function transactions(stage: Stage): Promise<number> {
  const rows = await askAdmin(
    stage.server.url,
    'select (xact_commit + xact_rollback)::float8 as calls from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]?.['calls'])
}
