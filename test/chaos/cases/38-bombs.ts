import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { makeBombs, makeOddities, type Bomb } from '../http/bombs.ts'
import { HttpNode } from '../http/http-node.ts'
import { openDatabase } from '../http/open-database.ts'
import { postBytes, type BytesAnswer } from '../http/post-bytes.ts'
import { watchMemory } from '../memory-watch.ts'

const limitMs = 200
/** A bomb comes so often: what is measured is a node that answers others in between. */
const everyMs = 50
const large = Buffer.from(JSON.stringify('a'.repeat(1_900_000)))

export const bombs: ChaosCase = {
  number: 38,
  name: 'bodies that are deep, large, packed, in other charsets, or name __proto__, and legal ones that only look bad',
  minutes: 2,
  shortSeconds: 10,
  leavesOut:
    'twenty bombs a second, and all of them at once at the end; XML: no door takes it yet, and what says that it is XML is refused with 415. 422 counts as a refusal, for JSON that can be read and not be kept. Numbers are what JavaScript makes of them: whole ones beyond 2^53 are not exact',
  async play(_open, { endings, seconds, folder }) {
    const database = await openDatabase(endings)
    const node = await HttpNode.start({ database }, endings)
    const all = makeBombs()
    const throwOne = ({ service, body, headers, isCut }: Bomb): Promise<BytesAnswer> =>
      postBytes(`${node.url}/services/chaos/${service}`, body, headers, isCut)
    const wrong: string[] = []
    const slow: string[] = []
    let slowest = 0
    let thrown = 0
    // What a node takes for bodies that are as large when all is well, as often: a peak is the higher, the longer one looks. And
    // what it loads but once.
    for (const one of all) await throwOne(one)
    const legal = [...makeOddities().map((odd) => Buffer.from(odd)), large]
    const usualMb = await peakMb(node, async () => {
      for (let sent = 0; sent < 5 * legal.length || sent < (seconds * 1_000) / everyMs; sent++) {
        const { ms } = await postBytes(
          `${node.url}/services/chaos/echo`,
          legal[sent % legal.length] as Buffer,
        )
        await delay(Math.max(0, everyMs - ms))
      }
    })
    await node.vitals()
    const highestMb = await peakMb(node, async () => {
      const until = performance.now() + seconds * 1_000
      for (; thrown < all.length || performance.now() < until; thrown++) {
        const one = all[thrown % all.length] as Bomb
        const { status, ms, body } = await throwOne(one)
        if (!one.statuses.includes(status)) wrong.push(`${one.name}: ${status} ${body.slice(0, 300)}`)
        if (ms > limitMs) slow.push(`${one.name}: ${Math.round(ms)} ms`)
        slowest = Math.max(slowest, ms)
        await delay(Math.max(0, everyMs - ms))
      }
    })
    const { lateMs } = await node.vitals()
    const oddities = await changedOddities(node.url)
    const together = await Promise.all(all.map(throwOne))
    const { foreign } = await node.vitals()
    const health = await fetch(`${node.url}/healthz`)
    await writeFile(
      join(folder, 'wrong.txt'),
      [...wrong, ...slow, ...oddities].map((one) => `${one}\n`).join(''),
    )
    return [
      atLeast('bombs', thrown, all.length),
      none(
        'answered otherwise than 400, 413, 415 or 422, or 200 where a header is passed over',
        wrong.length,
      ),
      none(
        'the same, all of them at once',
        all.filter(({ statuses }, at) => !statuses.includes(together[at]?.status ?? 0)).length,
      ),
      none('members that prototypes have got', foreign.length),
      none('legal bodies that came back otherwise', oddities.length),
      atLeast(
        'legal bodies that came back',
        2 * makeOddities().length - oddities.length,
        2 * makeOddities().length,
      ),
      none('nodes that did not live on', node.isAlive && health.status === 200 ? 0 : 1),
      atMost('an answer, slowest', slowest, limitMs, 'ms'),
      atMost('event loop late, p99', lateMs.p99, 50, 'ms'),
      atMost('memory beyond that for legal bodies as large', Math.max(0, highestMb - usualMb), 50, 'MB'),
      told('event loop late, at most', lateMs.most, 'ms'),
    ]
  },
}

/** The most that it has in use meanwhile. */
async function peakMb(node: HttpNode, meanwhile: () => Promise<void>): Promise<number> {
  const first = node.residentMb ?? 0
  const memory = watchMemory({ nodes: [node] }, 100)
  await meanwhile()
  return first + memory.stop()
}

/** Sends each to a service that answers at once, and to one that queues and keeps it. @returns those that did not come back as they were */
async function changedOddities(url: string): Promise<string[]> {
  const changed: string[] = []
  for (const odd of makeOddities()) {
    const wanted = `{"got":${odd}}`
    const echoed = await postBytes(`${url}/services/chaos/echo`, Buffer.from(odd))
    if (echoed.body !== wanted)
      changed.push(`echo ${odd.slice(0, 60)}: ${echoed.status} ${echoed.body.slice(0, 200)}`)
    const kept = await postBytes(`${url}/services/chaos/keep`, Buffer.from(odd))
    const { id } = (kept.status === 202 ? JSON.parse(kept.body) : {}) as { id?: string }
    const result = await fetch(`${url}/queue-items/${id}/result?wait=20s`)
    const text = await result.text()
    if (text !== wanted) changed.push(`keep ${odd.slice(0, 60)}: ${kept.status} ${text.slice(0, 200)}`)
  }
  return changed
}
