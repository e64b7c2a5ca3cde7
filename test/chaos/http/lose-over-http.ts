import { setTimeout as delay } from 'node:timers/promises'
import { askAdmin } from '../admin.ts'
import type { CasePlayOptions } from '../chaos-case.ts'
import { atLeast, none, type Figure } from '../figure.ts'
import { startAnswerThief } from '../nemeses/answer-thief.ts'
import { waitUntil } from '../wait-until.ts'
import { HttpNode } from './http-node.ts'
import { LostHttpAnswers, type LossKind } from './lost-http-answers.ts'

const schema = 'over_http'
const atOnce = 50
/** Of five rounds; every other one of `answer` is played with twins. */
const kinds: readonly LossKind[] = ['reset', 'twins', 'leave', 'reset', 'twins']

/**
 * Two nodes that listen: each request loses its answer and is sent again to both under its Idempotency-Key, once for a service
 * that queues, and every fifth time also for one that runs at once.
 * @param keys how many requests of the one that queues
 */
export async function loseOverHttp(
  database: string,
  keys: number,
  { endings }: Pick<CasePlayOptions, 'endings'>,
  random: () => number,
): Promise<Figure[]> {
  const start = (name: string): Promise<HttpNode> => HttpNode.start({ database, schema, name }, endings)
  const one = await start('first')
  const other = await start('second')
  const thief = await startAnswerThief(one.port, endings)
  const caller = new LostHttpAnswers([one.url, other.url], thief.url)
  let atOnceKeys = 0
  for (let at = 0; at < keys / atOnce; at++) {
    await caller.round('once', at * atOnce, atOnce, kinds[at % kinds.length] ?? 'reset', random)
    if (at % 5 !== 4) continue
    await caller.round('answer', atOnceKeys, atOnce, at % 2 === 0 ? 'twins' : 'reset', random)
    atOnceKeys += atOnce
  }
  const countItems = async (): Promise<number> => {
    const [row] = await askAdmin(
      database,
      `select count(*)::int as items from ${schema}.tracked_item where definition = 'service:once' and state = 'succeeded'`,
    )
    return row?.['items'] as number
  }
  await waitUntil('all items have ended', 60_000, async () => (await countItems()) >= keys)
  // One more than there may be would come now.
  await delay(1_000)
  const vitals = await Promise.all([one.vitals(), other.vitals()])
  const runs = vitals.reduce((sum, { counts }) => sum + counts.answer, 0)
  const itemRuns = vitals.reduce((sum, { counts }) => sum + counts.once, 0)
  const { once, answer } = caller.told
  return [
    atLeast('HTTP: requests whose answer never came', caller.lost, Math.floor(keys * 0.9)),
    atLeast(
      'HTTP: connections reset after COMMIT, before the answer',
      thief.stolen(),
      Math.floor(keys * 0.7),
    ),
    atLeast('HTTP: other bodies under a key that is taken, 422', caller.refused, keys / 10 + atOnceKeys / 10),
    none('HTTP: other bodies that were taken', caller.takenWrongly),
    none('HTTP: items more or fewer than keys', Math.abs((await countItems()) - keys)),
    none('HTTP: items that did not run once', Math.abs(itemRuns - keys)),
    none('HTTP: immediate requests that did not run once', Math.abs(runs - atOnceKeys)),
    none('HTTP: keys whose callers were told different answers', once.several + answer.several),
    none('HTTP: keys that were new more than once', once.newAgain + answer.newAgain),
    none('HTTP: keys that nobody was told of', keys + atOnceKeys - once.keys - answer.keys),
    none('HTTP: answered otherwise', caller.problems.length),
    // whether the other one comes while the first runs is a matter of the machine
    { ...atLeast('HTTP: twins that were told 409', caller.inUse, 1), isTimed: true },
  ]
}
