import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { endChild } from '../../../scripts/child-processes.ts'
import { askAdmin } from '../admin.ts'
import type { ChaosCase } from '../chaos-case.ts'
import type { Endings } from '../endings.ts'
import { atLeast, none, type Figure } from '../figure.ts'
import { openDatabase } from '../http/open-database.ts'
import { WebhookForger, type ForgedWebhook, type SentWebhook } from '../http/webhook-forger.ts'
import type { WebhookSettings } from '../http/webhook-process.ts'
import { seededRandom } from '../seeded-random.ts'
import { waitUntil, within } from '../wait-until.ts'

const statusOf: Readonly<Record<ForgedWebhook['fate'], number>> = {
  new: 201,
  repeated: 200,
  clash: 409,
  refused: 400,
}
const atOnce = 20
/** So many kinds there are, and each is to come. */
const leastOfAKind = 5

export const inboundWebhooks: ChaosCase = {
  number: 31,
  name: 'webhooks that come in: true ones, sent again, late, altered, with another one’s id, signed with either of two keys or none (verifyWebhook, node.accept with webhook-id as uniqueKey)',
  minutes: 3,
  shortSeconds: 10,
  leavesOut:
    'there is no door for webhooks yet: a server of 20 lines, as the guide has it, verifies them and accepts each under its webhook-id; 10,000 webhooks also in the short form. That signatures are compared in constant time is not measured: it is what the one comparison that there is does (crypto.timingSafeEqual)',
  async play(_open, { endings, seed, folder }) {
    const database = await openDatabase(endings)
    const forger = new WebhookForger(seededRandom(seed))
    const port = await startReceiver({ database, secrets: forger.secrets }, endings)
    const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
    endings.add('connections to the receiver', () => agent.destroy())
    const kinds = new Map<string, number>()
    const wrong: string[] = []
    const accepted = new Set<string>()
    const all = { sent: 0, refused: 0, repeated: 0, clash: 0 }
    while (all.sent < 10_000) {
      const forged = Array.from({ length: atOnce }, () => forger.next())
      // One that comes again comes after its answer.
      const [first, then] = [
        forged.filter(({ fate }) => fate === 'new'),
        forged.filter(({ fate }) => fate !== 'new'),
      ]
      for (const some of [first, then]) {
        const statuses = await Promise.all(some.map((one) => send(port, agent, one)))
        for (const [at, { kind, fate, headers }] of some.entries()) {
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
          all.sent++
          if (fate === 'new') accepted.add(headers['webhook-id'] ?? '')
          else all[fate]++
          if (statuses[at] !== statusOf[fate])
            wrong.push(`${fate}, ${kind}: ${statuses[at]}; ${JSON.stringify(headers)}`)
        }
      }
    }
    await writeFile(join(folder, 'wrong.txt'), wrong.map((one) => `${one}\n`).join(''))
    const countItems = async (): Promise<number> => {
      const [row] = await askAdmin(
        database,
        `select count(*)::int as items from coatcheck.tracked_item where definition = 'inbound' and state = 'succeeded'`,
      )
      return row?.['items'] as number
    }
    await waitUntil('all items have ended', 60_000, async () => (await countItems()) >= accepted.size)
    const of = (fate: string, status: string): number =>
      wrong.filter((one) => one.startsWith(`${fate},`) && one.includes(`: ${status}`)).length
    const figures: Figure[] = [
      atLeast('webhooks', all.sent, 10_000),
      atLeast('true ones', accepted.size, 1_500),
      atLeast('to be refused', all.refused, 4_000),
      atLeast('kinds of them, of each at least five', countOften(kinds), 20),
      none('false accepts', of('refused', '20')),
      none('false rejects', of('new', '400') + of('repeated', '400') + of('clash', '400')),
      atLeast('sent again', all.repeated, 400),
      none('items more or fewer than true ones', Math.abs((await countItems()) - accepted.size)),
      atLeast('signed, with the id of another one', all.clash, 200),
      none('of these taken', of('clash', '20')),
      none('answered otherwise than they should be', wrong.length),
    ]
    return figures
  },
}

function countOften(kinds: ReadonlyMap<string, number>): number {
  return [...kinds.values()].filter((count) => count >= leastOfAKind).length
}

async function startReceiver(settings: WebhookSettings, endings: Endings): Promise<number> {
  const module = join(import.meta.dirname, '..', 'http', 'webhook-process.ts')
  const child = fork(module, [JSON.stringify(settings)], { execArgv: [] })
  endings.add('process that receives webhooks', () => endChild(child))
  const [told] = await within('the receiver of webhooks listens', 60_000, once(child, 'message'))
  return (told as { port: number }).port
}

/** As it is: `fetch` would take a header that is not there for one that is. @returns the status */
async function send(port: number, agent: Agent, { headers, body }: SentWebhook): Promise<number> {
  const sending = request({ port, host: '127.0.0.1', method: 'POST', agent, headers })
  sending.end(body)
  const [response] = await within('a webhook is answered', 30_000, once(sending, 'response'))
  const { statusCode = 0 } = response.resume()
  return statusCode
}
