import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { EmbeddedWriter } from '../embedded-writer.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { seededRandom } from '../seeded-random.ts'

export const embedded: ChaosCase = {
  number: 34,
  name: 'embedded database: kill -9 in the middle of writes, and a second process that opens it',
  minutes: 4,
  shortSeconds: 20,
  leavesOut:
    'the second process waits 5 s for a reload before it is refused; numbers of processes used again (test of the lock file)',
  async play(_open, options) {
    const random = seededRandom(options.seed)
    await mkdir(options.folder, { recursive: true })
    const directory = join(options.folder, 'data')
    const ids: string[] = []
    const missing: string[] = []
    let kills = 0
    let seconds = 0
    let wrongly = 0
    let refusalMs = 0
    let openMs = 0
    const until = performance.now() + options.seconds * 1000
    while (performance.now() < until || kills < 3) {
      const began = performance.now()
      const writer = new EmbeddedWriter(directory, options.endings)
      const news = await writer.opened()
      if (news.kind !== 'open')
        throw new Error(`The embedded database did not open again: ${JSON.stringify(news)}`)
      openMs = Math.max(openMs, performance.now() - began)
      // The newest of them, and some of all others.
      missing.push(
        ...(await writer.look([...ids.slice(-2_000), ...ids.slice(0, -2_000).filter(() => random() < 0.02)])),
      )
      if (kills % 5 === 1) {
        const secondAt = performance.now()
        const second = new EmbeddedWriter(directory, options.endings)
        const answer = await second.opened()
        await (answer.kind === 'refused' ? second.ended() : second.kill())
        refusalMs = Math.max(refusalMs, performance.now() - secondAt)
        seconds++
        if (
          answer.kind !== 'refused' ||
          answer.code !== 'DATABASE_LOCKED' ||
          !/process \d+/.test(answer.message)
        )
          wrongly++
      } else await delay(200 + 1_000 * random())
      await writer.kill()
      kills++
      // More than fit the arguments of one call.
      for (const id of writer.ids) ids.push(id)
      await appendFile(
        join(options.folder, 'submissions.jsonl'),
        writer.ids.map((id) => `${JSON.stringify(id)}\n`).join(''),
      )
    }
    return [
      atLeast('kills', kills, options.isShort ? 3 : Math.min(50, Math.floor(options.seconds / 5))),
      atLeast('items acknowledged', ids.length, kills * 100),
      none('acknowledged and lost', missing.length),
      atLeast('second processes', seconds, 1),
      none('second processes not refused, or without saying who has it', wrongly),
      atMost('until the second process has ended, longest', refusalMs, 8_000, 'ms'),
      told('until it is open after a kill, longest', openMs, 'ms'),
    ]
  },
}
