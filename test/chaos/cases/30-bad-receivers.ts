import { randomBytes } from 'node:crypto'
import { startReceiver, type Receiver } from '../../http/receiver.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { CallbackLoad } from '../http/callback-load.ts'
import { checkCallbacks } from '../http/check-callbacks.ts'
import { HttpNode } from '../http/http-node.ts'
import { openDatabase } from '../http/open-database.ts'
import { maxAttempts, planReceivers, timeoutMs } from '../http/receiver-plan.ts'
import { watchMemory } from '../memory-watch.ts'
import { percentile } from '../stage.ts'

/** Callbacks to one origin at once, in the whole cluster. */
const places = 4
const perSecond = 20
/** Of an answer as much is taken as the buffers of both sockets hold: of one that is read to its end there would be no end. */
const mostPouredMb = 16

export const badReceivers: ChaosCase = {
  number: 30,
  name: 'callbacks to receivers that answer 500, 410, 429, a redirect, garbage, nothing, slowly or without end; one of two nodes is killed meanwhile',
  minutes: 3,
  shortSeconds: 20,
  leavesOut:
    'attempts are 0.2 s apart and 4 of 1 s at most, in place of 10 within 75 hours (a test of the schedule has a virtual clock); that a person requeues what met a 410 is a test; other addresses than those of this machine (case 37)',
  async play(_open, { endings, isShort }) {
    const database = await openDatabase(endings)
    const open = (): Promise<Receiver> =>
      startReceiver({ after: (end) => endings.add('receiver of callbacks', end) })
    const [slow, bad, good] = [await open(), await open(), await open()]
    const secrets = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`)
    const start = (name: string): Promise<HttpNode> =>
      HttpNode.start(
        {
          database,
          name,
          callbacks: {
            secrets,
            allowHosts: ['127.0.0.1'],
            timeout: `${timeoutMs} ms`,
            retry: { maxAttempts, initialDelay: '200 ms', factor: 1, jitter: 0 },
          },
        },
        endings,
      )
    const nodes = [await start('first'), await start('second')] as const
    const load = new CallbackLoad(nodes[0].url, database)
    await load.pace(good, perSecond, perSecond)
    const clean = percentile(await load.pace(good, perSecond, perSecond * (isShort ? 3 : 10)), 0.95)
    const memory = watchMemory({ nodes })
    const behaviours = planReceivers(slow, bad)
    const counts = isShort ? { slow: 8, others: 8 } : { slow: 60, others: 60 }
    const asked = behaviours.flatMap((one) =>
      Array.from({ length: one.isSlow ? counts.slow : counts.others }, () => load.ask(one)),
    )
    await Promise.all(asked)
    const beside = percentile(await load.pace(good, perSecond, perSecond * (isShort ? 4 : 30)), 0.95)
    // What was sent and not settled when its node dies is sent again: not what was told to stop.
    await load.ends(60_000, ({ name }) => name === '410')
    await nodes[1].kill()
    await start('third')
    await load.ends(isShort ? 90_000 : 300_000)
    const grownMb = memory.stop()
    const received = [slow, bad, good].flatMap(({ all }) => all)
    const faults = checkCallbacks(received, secrets)
    const verdict = await load.verdict()
    const gone = Map.groupBy(
      received.filter(({ path }) => path.includes('gone')),
      ({ path }) => path,
    )
    const endless = 2 * counts.others * maxAttempts
    return [
      atLeast('callbacks', verdict.callbacks, behaviours.length * counts.others),
      atLeast('requests that receivers had', received.length, 10 * maxAttempts * counts.others),
      none('not signed as Standard Webhooks, by both secrets', faults.unsigned),
      none('callbacks whose webhook-id changed, or was another one’s', faults.otherIds),
      none('callbacks whose body changed', faults.otherBodies),
      none('items without a callback, or with several', verdict.unequal),
      none('callbacks that ended otherwise than their receiver wants', verdict.otherwise.length),
      none('redirects that were followed', received.filter(({ path }) => path.endsWith('redirected')).length),
      atLeast('receivers that answered 410', gone.size, counts.others),
      none(
        'receivers that were asked again after a 410',
        [...gone.values()].filter((all) => all.length > 1).length,
      ),
      atMost('places held by receivers that never answer, most', (await slow.tally()).mostHeld, places),
      atMost('an attempt at a receiver that never answers, longest', verdict.slowestMs, 2 * timeoutMs, 'ms'),
      atMost(
        'taken of answers without an end, each',
        (await bad.tally()).poured / endless / 1e6,
        mostPouredMb,
        'MB',
      ),
      atMost('another receiver’s callbacks beside them, p95', beside, Math.max(2 * clean, 500), 'ms'),
      atMost('memory of a node grew by', grownMb, 100, 'MB'),
      told('another receiver’s callbacks before, p95', clean, 'ms'),
    ]
  },
}
