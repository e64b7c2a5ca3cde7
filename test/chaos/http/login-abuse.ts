import { Browser } from '../../operate/browser.ts'
import type { HttpNode } from './http-node.ts'

const password = 'a guess, and not the password'

/** Guesses at an account, sent to all nodes in turn, many at once. @returns how many were looked at, and over how long */
export async function guessPasswords(browsers: readonly Browser[], name: string, guesses: number) {
  const begun = performance.now()
  const statuses = new Map<number, number>()
  let sent = 0
  const guesser = async (): Promise<void> => {
    while (sent < guesses) {
      const number = sent++
      const browser = browsers[number % browsers.length]
      const answer = await browser?.ask('POST', '/sign-in', { name, password: `${password} ${number}` })
      await answer?.arrayBuffer()
      const status = answer?.status ?? 0
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 32 }, guesser))
  const minutes = Math.floor((performance.now() - begun) / 60_000) + 1
  const looked = statuses.get(401) ?? 0
  const refused = statuses.get(429) ?? 0
  return { looked, minutes, others: guesses - looked - refused }
}

/** How much longer something takes than something else, as a share, and to within how much that is known. */
export interface Longer {
  readonly share: number
  readonly within: number
}

/** Known to within this, a difference of a tenth can be told from none. */
const enough = 0.04
const leastPairs = 40

/**
 * How much longer it takes to refuse a name that is not there than one that is, by the clock and by the node's processor time. They are asked
 * for in pairs, since both of a pair meet the machine in the same mood, each order as often as the other, until the median of the pairs is
 * known by the clock to within 4 % (with 95 % confidence), or for so many pairs.
 */
export async function timeRefusals(
  node: HttpNode,
  known: readonly string[],
  mostPairs: number,
): Promise<{ readonly pairs: number; readonly clock: Longer; readonly processor: Longer }> {
  const browser = new Browser(node.url)
  const time = async (name: string) => {
    const before = (await node.vitals()).processorMs
    const begun = performance.now()
    await browser.json('POST', '/sign-in', { name, password }, 401)
    const clock = performance.now() - begun
    return { clock, processor: (await node.vitals()).processorMs - before }
  }
  const shares = { clock: [] as number[], processor: [] as number[] }
  for (let at = -warmUps; ; at++) {
    const name = known.at(at % known.length) ?? ''
    const first = at % 2 === 0 ? await time(name) : undefined
    const unknown = await time(`no-${name}`)
    const one = first ?? (await time(name))
    if (at < 0) continue
    for (const by of ['clock', 'processor'] as const) shares[by].push(unknown[by] / one[by] - 1)
    const clock = medianOf(shares.clock)
    if (at + 1 < leastPairs || (clock.within > enough && at + 1 < mostPairs)) continue
    return { pairs: at + 1, clock, processor: medianOf(shares.processor) }
  }
}

/** The first ones find nothing warm. */
const warmUps = 2

/** With the interval that holds the median 95 times of 100, by how many of so many coins show heads. */
function medianOf(all: readonly number[]): Longer {
  const sorted = all.toSorted((a, b) => a - b)
  const at = (place: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(place)))] ?? 0
  const [middle, reach] = [(sorted.length - 1) / 2, 0.98 * Math.sqrt(sorted.length)]
  return { share: at(middle), within: (at(middle + reach) - at(middle - reach)) / 2 }
}

/** What pages of other sites say of themselves: no browser lets them say otherwise. */
const senders: readonly Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
  { 'sec-fetch-site': 'none' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
]
const bodies = [
  { type: 'application/x-www-form-urlencoded', text: 'name=eve&role=administrator' },
  { type: 'text/plain', text: '{"name":"eve","role":"administrator"}' },
  { type: 'application/json', text: '{"name":"eve","role":"administrator","roles":["administrator"]}' },
]

/** Acts with the cookie of somebody who is signed in, as pages of other sites send them. @returns how many, and how many were let in */
export async function actAcrossSites(browser: Browser, acts: readonly { method: string; path: string }[]) {
  let sent = 0
  let letIn = 0
  for (const { method, path } of acts)
    for (const sender of senders)
      for (const { type, text } of bodies) {
        const answer = await fetch(new URL(`/operate${path}`, browser.url), {
          method,
          headers: { cookie: browser.cookie ?? '', 'content-type': type, ...sender },
          body: text,
        })
        const { code } = (await answer.json().catch(() => ({}))) as { code?: string }
        sent += 1
        if (code !== 'CROSS_SITE_REFUSED') letIn += 1
      }
  return { sent, letIn }
}
