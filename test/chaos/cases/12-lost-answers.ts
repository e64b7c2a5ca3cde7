import { AcceptClient } from '../accept-client.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none } from '../figure.ts'
import { loseOverHttp } from '../http/lose-over-http.ts'
import { LostAnswers } from '../lost-answers.ts'

const atOnce = 50
/** Items a second beside it, at most: what is tried is not the load. */
const mostBeside = 500

export const lostAnswers: ChaosCase = {
  number: 12,
  name: 'the answer to an accept is lost after COMMIT, and it is asked for again under its unique key (node.accept), or its Idempotency-Key (HTTP)',
  minutes: 2,
  shortSeconds: 10,
  leavesOut:
    'in the short form 500 times; over HTTP so many of a service that queues, and a fifth as many of one that runs at once. The figures of HTTP are named so; all others are of node.accept, whose answers are lost on the way from the database and to its caller, which is a pipe there',
  async play(open, { endings, isShort }) {
    const stage = await open()
    const { run, random } = stage
    await stage.prepare(2)
    const { proxy, url } = await stage.openNetwork()
    const settings = { ...run.settings, database: url }
    const clients = [await AcceptClient.start(settings, endings), await AcceptClient.start(settings, endings)]
    proxy.loseAnswers(/append.unique/, 0.3, random)
    const caller = new LostAnswers(clients)
    const keys = isShort ? 500 : 10_000
    const rounds = keys / atOnce
    run.load.expect(keys)
    await stage.underLoad(
      async () => {
        for (let at = 0; at < rounds; at++)
          await caller.round(
            at * atOnce,
            atOnce,
            at % 5 === 2 ? 'kill' : at % 2 === 0 ? 'twins' : 'one',
            random,
          )
      },
      { rate: Math.min(stage.rate, mostBeside) },
    )
    run.load.adopt(caller.accepted)
    const { figures, standing } = await stage.close()
    const { rows } = await run.load.query(
      `select count(*)::int as items from coatcheck.tracked_item where key like 'once-%'`,
    )
    const { items } = rows[0] as { items: number }
    const overHttp = await loseOverHttp(stage.server.url, keys, { endings }, random)
    return [
      atLeast('accepts whose answer never came to the caller', caller.lost, keys),
      atLeast('answers of the database lost after COMMIT', proxy.lostAnswers(), rounds / 2),
      atLeast('accepting processes killed before they answered', caller.kills, Math.floor(rounds / 5)),
      atLeast('other payloads under a key that is taken, refused', caller.refused, keys / 10),
      ...figures,
      none('items more or fewer than keys', Math.abs(items - keys)),
      none('keys of which somebody was told another id', caller.keysWithSeveralIds),
      none('keys that were new more than once', caller.keysNewAgain),
      none('other payloads that were taken', caller.takenWrongly),
      none('accepts that failed for another reason', caller.problems.length),
      none('attempts used up', standing.tried),
      ...overHttp,
    ]
  },
}
