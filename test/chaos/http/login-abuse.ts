import type { Browser } from '../../operate/browser.ts'

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

/**
 * How much longer it takes to refuse a name that is not there, as a part of the time of one that is: the median of pairs, since both of a
 * pair meet the machine in the same mood.
 */
export async function timeRefusals(browser: Browser, known: readonly string[]): Promise<number> {
  const timed = async (name: string): Promise<number> => {
    const begun = performance.now()
    await browser.json('POST', '/sign-in', { name, password }, 401)
    return performance.now() - begun
  }
  const shares: number[] = []
  for (const [at, name] of known.entries()) {
    const first = at % 2 === 0 ? await timed(name) : undefined
    const unknown = await timed(`no-${name}`)
    shares.push(unknown / (first ?? (await timed(name))) - 1)
  }
  return median(shares)
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
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
