import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none } from '../figure.ts'
import { killNode } from '../nemeses/killed-node.ts'
import { terminateBackend } from '../nemeses/lost-backend.ts'
import { countingStatements, openPooler, SessionWatch, sessionStatements } from '../nemeses/pooler.ts'

export const pooled: ChaosCase = {
  number: 24,
  name: 'behind PgBouncer in transaction mode: kill -9 of one of three nodes every 6 s, pg_terminate_backend in between',
  minutes: 3,
  shortSeconds: 24,
  settings: { isPooled: true },
  leavesOut: 'the tests of the road behind it are npm test -- --database pgbouncer',
  async play(open, { endings }) {
    const stage = await open({
      serverSettings: countingStatements,
      route: (url) => openPooler(url, endings),
    })
    const { options, server } = stage
    await stage.prepare(3)
    const watch = new SessionWatch(server.url, endings)
    let kills = 0
    let ended = 0
    let strikes = 0
    await stage.underLoad(async () => {
      await stage.strike(1_500, async () => {
        if (strikes++ % 4 === 1) kills += (await killNode(stage)) ? 1 : 0
        else ended += (await terminateBackend(stage)) ? 1 : 0
      })
    })
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    await watch.end()
    const { found, all } = await sessionStatements(server.url)
    await writeFile(join(options.folder, 'session-statements.txt'), found.map((one) => `${one}\n`).join(''))
    return [
      atLeast('kills', kills, Math.max(2, Math.floor(options.seconds / 8))),
      atLeast('connections of the pooler ended', ended, Math.max(4, Math.floor(options.seconds / 3))),
      atLeast('sessions that worked for several nodes', watch.shared, 3),
      atLeast('looks at the sessions', watch.looks, options.seconds * 2),
      atLeast('different statements that the server was told', all, 20),
      ...figures,
      none('statements that lean on a session: LISTEN, SET, PREPARE, advisory locks', found.length),
      none('advisory locks kept without a transaction', watch.keptLocks),
      none('attempts used up', standing.tried),
    ]
  },
}
