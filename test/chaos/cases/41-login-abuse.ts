import { createNode } from '../../../src/index.ts'
import { hr } from '../../http/hr-application.ts'
import { Browser, untilStatus } from '../../operate/browser.ts'
import { operationsOf } from '../../operate/routes-of.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { HttpNode } from '../http/http-node.ts'
import { actAcrossSites, guessPasswords, timeRefusals } from '../http/login-abuse.ts'
import { openDatabase } from '../http/open-database.ts'

const password = 'correct horse battery'

export const loginAbuse: ChaosCase = {
  number: 41,
  name: 'guessed passwords on two nodes, a cookie from elsewhere, acts from pages of other sites, sessions that were ended',
  minutes: 1,
  shortSeconds: 10,
  leavesOut:
    'forged tokens are in the tests of token-check; acts from other sites are sent as a browser sends them, not by one; on a machine so busy that the median of the refusals is not known to 10 %, their processor time alone is held against the bar',
  async play(_open, { endings, isShort }) {
    const database = await openDatabase(endings)
    const first = await HttpNode.start({ database, name: 'first' }, endings)
    const second = await HttpNode.start({ database, name: 'second' }, endings)
    const client = await createNode({ applications: [hr], database, http: false, log: false })
    endings.add('client', () => client.stop())
    const [here, there] = [first.url, second.url]
    const signedIn = async (): Promise<Browser> => {
      const opened = new Browser(here)
      await opened.open(await client.consoleLink())
      return opened
    }
    const admin = await signedIn()
    const names = Array.from({ length: 40 }, (_, at) => `user-${at}`)
    for (const name of ['ada', 'bob', ...names])
      await admin.json('POST', '/users', { name, role: 'observer', password })

    const { pairs, clock, processor } = await timeRefusals(first, names, isShort ? 80 : 400)
    const guesses = isShort ? 2_000 : 10_000
    const guessed = await guessPasswords([new Browser(here), new Browser(there)], 'ada', guesses)

    const attacker = await signedIn()
    const planted = new Browser(here)
    planted.cookie = attacker.cookie
    await planted.json('POST', '/sign-in', { name: 'bob', password }, 204)
    const fixed = planted.cookie === attacker.cookie ? 1 : 0
    const stillIn = (await attacker.ask('GET', '/session')).status === 200 ? 1 : 0

    const acts = (await operationsOf(admin)).filter(({ method }) => method !== 'GET')
    const before = await countRows(client)
    const across = await actAcrossSites(admin, acts)
    const effects = (await countRows(client)) === before ? 0 : 1

    const other = await cookieAt(there, planted)
    await admin.json('PUT', '/users/bob', { isDisabled: true })
    const deadMs = await untilStatus(() => other.ask('GET', '/session'), 401)
    const page = await fetch(new URL('/console', here))
    const isFramed = !page.headers.get('content-security-policy')?.includes("frame-ancestors 'none'")
    return [
      atLeast('guesses at an account, on two nodes', guesses, isShort ? 2_000 : 10_000),
      atMost('of them looked at, a minute', guessed.looked / guessed.minutes, 10),
      none('answered otherwise than refused', guessed.others),
      told('pairs of refusals, of a user that is there and of one that is not', pairs),
      atMost(
        "the latter takes more or less of the node's processor time by",
        percent(processor.share),
        10,
        '%',
      ),
      clock.within <= 0.1
        ? atMost('and takes longer or shorter by', percent(clock.share), 10, '%')
        : told(
            'and longer or shorter by what cannot be told better than to within',
            percent(clock.within),
            '%',
          ),
      none('sessions that somebody else had chosen', fixed + stillIn),
      atLeast('acts from pages of other sites', across.sent, 100),
      none('of them let in', across.letIn),
      none('of them with an effect', effects),
      atMost('a session after its user was disabled, on the other node', deadMs, 5_000, 'ms'),
      none('pages of the console that can be framed', isFramed ? 1 : 0),
    ]
  },
}

/** The same session at another node; each has a name of its own for the cookie on loopback. */
async function cookieAt(url: string, { cookie }: Browser): Promise<Browser> {
  const other = new Browser(url)
  other.cookie = `coatcheck-${new URL(url).port}=${cookie?.split('=')[1] ?? ''}`
  const answer = await other.ask('GET', '/session')
  if (answer.status !== 200) throw new Error(`The session is not good at the other node: ${answer.status}.`)
  return other
}

function percent(share: number): number {
  return Math.abs(share) * 100
}

/** Each act that has an effect leaves a line. */
async function countRows(client: { query: (text: string) => Promise<{ rows: { lines?: unknown }[] }> }) {
  const { rows } = await client.query('select count(*)::int as lines from coatcheck.operator_audit')
  return rows[0]?.lines
}
