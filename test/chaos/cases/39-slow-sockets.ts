import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endChild } from '../../../scripts/child-processes.ts'
import { exchange } from '../../http/conformance/wire.ts'
import type { ChaosCase } from '../chaos-case.ts'
import type { Endings } from '../endings.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { askWell } from '../http/good-clients.ts'
import { HttpNode } from '../http/http-node.ts'
import { openDatabase } from '../http/open-database.ts'
import type { SlowNews, SlowReport, SlowSettings } from '../http/slow-process.ts'
import { faultOf, makeTricks } from '../http/tricks.ts'
import { watchMemory } from '../memory-watch.ts'
import { percentile, VoidRun } from '../stage.ts'
import { within } from '../wait-until.ts'

const lifeMs = 15_000
/** Some 50 kB for each of them. */
const mostMb = 500
/** Twice of next to nothing is next to nothing. */
const leastP95Ms = 25

export const slowSockets: ChaosCase = {
  number: 39,
  name: 'thousands of sockets that send a byte now and then, or nothing; requests that hide others, floods of headers, line ends in values, TRACE',
  minutes: 2,
  shortSeconds: 30,
  leavesOut: `in the short form 1,500 sockets in place of 5,000. A good client’s p95 may be twice the clean one, and ${leastP95Ms} ms. Clients that do not read their answers, and floods that fill all connections (a proxy’s task): not tried`,
  async play(_open, { endings, seconds, isShort, folder }) {
    const database = await openDatabase(endings)
    const node = await HttpNode.start({ database }, endings)
    await askWell(node.url, 2)
    const clean = await askWell(node.url, isShort ? 8 : 30)
    const memory = watchMemory({ nodes: [node] })
    // Some are ended at once, and are opened again after a while.
    const sockets = isShort ? 1_500 : 5_000
    const attack = await startAttack({ port: node.port, sockets: Math.ceil(sockets * 1.3) }, endings)
    await node.vitals()
    const beside = await askWell(node.url, seconds)
    const { lateMs } = await node.vitals()
    const faults: string[] = []
    const tricks = makeTricks()
    for (const trick of tricks) {
      const fault = faultOf(trick, await exchange(node.port, trick.bytes))
      if (fault !== undefined) faults.push(`${trick.kind}, ${trick.name}: ${fault}`)
    }
    const report = await attack.end()
    if (report.lacking > 0)
      throw new VoidRun(`the machine has too few files or ports for ${sockets} connections (ulimit -n)`)
    const { counts } = await node.vitals()
    const grownMb = memory.stop()
    await delay(1_000)
    const after = await askWell(node.url, 3)
    const lives = Object.values(report.longestMs)
    await writeFile(
      join(folder, 'report.json'),
      `${JSON.stringify({ report, faults, failures: beside.failures }, undefined, 2)}\n`,
    )
    const of = (kind: string): number => faults.filter((fault) => fault.startsWith(kind)).length
    const p95 = ({ ms }: { ms: readonly number[] }): number => percentile(ms, 0.95)
    return [
      atLeast('slow sockets at once', report.held, sockets),
      atLeast(
        'that were ended, and others took their places',
        report.opened,
        Math.floor((sockets * seconds) / 15),
      ),
      atLeast('kinds of them', lives.length, 12),
      atMost('a slow socket was there, longest', Math.max(...lives), lifeMs, 'ms'),
      none('slow sockets that were not let in', report.turnedAway),
      atLeast('requests of good clients beside them', beside.ms.length, 30 * seconds),
      none('of them not answered', beside.failures.length + after.failures.length),
      atMost('good clients, p95', p95(beside), Math.max(2 * p95(clean), leastP95Ms), 'ms'),
      atLeast('tricks', tricks.length, 50),
      none('requests that were smuggled: ran', counts.smuggled),
      none('requests that were smuggled: not refused, with one answer', of('smuggling')),
      none('floods of headers that were not refused', of('flood')),
      none('line ends in values that made a header or an answer', of('CRLF')),
      none('TRACE and its like, not refused', of('TRACE')),
      atMost('memory of the node grew by', grownMb, mostMb, 'MB'),
      told('good clients without them, p95', p95(clean), 'ms'),
      told('event loop late, p99', lateMs.p99, 'ms'),
      told('event loop late, at most', lateMs.most, 'ms'),
    ]
  },
}

async function startAttack(
  settings: SlowSettings,
  endings: Endings,
): Promise<{ end(): Promise<SlowReport> }> {
  const module = join(import.meta.dirname, '..', 'http', 'slow-process.ts')
  const child = fork(module, [JSON.stringify(settings)], { execArgv: [] })
  endings.add('process with slow sockets', () => endChild(child))
  await within('the slow sockets are there', 60_000, once(child, 'message'))
  return {
    async end() {
      const answer = once(child, 'message')
      child.send('end')
      const [news] = (await within('the slow sockets are told of', 30_000, answer)) as [SlowNews]
      await endChild(child)
      return news as SlowReport
    },
  }
}
