import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNode, type Node } from '../../../src/index.ts'
import { startReceiver } from '../../http/receiver.ts'
import { Browser } from '../../operate/browser.ts'
import type { ChaosCase } from '../chaos-case.ts'
import type { Endings } from '../endings.ts'
import { atLeast, none } from '../figure.ts'
import { CanaryHunt, makeShapes, payloadOf, type Canary } from '../http/canaries.ts'
import { HttpNode } from '../http/http-node.ts'
import type { HttpSettings } from '../http/http-process.ts'
import { openDatabase } from '../http/open-database.ts'
import { SecretTrail } from '../http/secret-trail.ts'
import { crashing, guard, secrets } from '../http/secrets.ts'
import { seededRandom } from '../seeded-random.ts'
import { waitUntil } from '../wait-until.ts'

const password = 'cnry correct horse battery'
const wrongPassword = 'cnryNotTheDatabase'

export const secretCanaries: ChaosCase = {
  number: 43,
  name: 'secrets of twenty shapes and all credentials through success, errors, crashes, acts and callbacks, looked for wherever they must not be',
  minutes: 1,
  shortSeconds: 30,
  leavesOut:
    'payloads, results, what handlers log and say, and the acts that replace payloads stand in the database in clear, as docs/reference/definitions.md says, so of the dump their tables are searched for credentials alone; what administrators are shown and callers are answered of their own items is not searched for their secrets; encryption at rest is no part of the project: swapped ciphertext rows and the rotation of a key for keys under load are not tried',
  async play(_open, { endings, seed, folder }) {
    const database = await openDatabase(endings)
    const receiver = await startReceiver({ after: (end) => endings.add('receiver', end) })
    const [shapes, others] = [makeShapes(seededRandom(seed + 1)), makeShapes(seededRandom(seed + 2))]
    const logFile = join(folder, 'node.log')
    const webhookSecret = randomBytes(32).toString('base64')
    const clientSecret = `cnry-oidc-${randomBytes(12).toString('hex')}`
    const issuer = { issuer: 'http://127.0.0.1:9/realm', clientId: 'coatcheck', clientSecret, name: 'Away' }
    const settings: HttpSettings = {
      database,
      name: crashing,
      definitions: 'secrets',
      logFile,
      auth: {},
      callbacks: { secrets: [`whsec_${webhookSecret}`], allowHosts: ['127.0.0.1'] },
      operate: { issuers: [{ ...issuer, rolesClaim: 'groups', roles: { ops: 'operator' } }] },
    }
    const node = await HttpNode.start(settings, endings)
    const client = await createNode({ applications: [secrets], database, http: false, log: false })
    endings.add('client', () => client.stop())
    const trail = await SecretTrail.begin(node.url, client)
    const browser = new Browser(node.url)
    const link = await client.consoleLink()
    await browser.open(link)
    await browser.json('POST', '/users', { name: 'ada', role: 'observer', password })
    await new Browser(node.url).json('POST', '/sign-in', { name: 'ada', password }, 204)
    await browser.ask('GET', '/sign-in/issuers/away')
    const credentials: Canary[] = [
      { name: 'an API key', values: trail.keys.map((key) => key.slice(16)) },
      { name: 'a session', values: [browser.cookie?.split('=')[1] ?? ''] },
      { name: 'a link', values: [link.split('#link=')[1] ?? ''] },
      { name: 'a password', values: [password, trail.wrongPassword] },
      { name: 'a webhook secret', values: [webhookSecret] },
      { name: "the issuer's secret", values: [clientSecret] },
      { name: "the database's password", values: [new URL(database).password, wrongPassword] },
    ]
    const everywhere = new CanaryHunt([...shapes, ...others, ...credentials])
    const onlyCredentials = new CanaryHunt(credentials)
    const shown = new CanaryHunt(shapes)

    const watched = trail.watch(everywhere)
    const done = await trail.lay(shapes, receiver.url('/status/200/canary'))
    const crash = await client.enqueue(guard, { ...payloadOf(shapes), what: 'crash' })
    await waitUntil('the node has died of an item', 30_000, () => !node.isAlive)
    await watched.end()
    const next = await HttpNode.start({ ...settings, name: 'next' }, endings)
    await waitUntil('the item has run elsewhere', 60_000, async () => {
      return (await client.item(crash))?.state === 'succeeded'
    })
    trail.moveTo(next.url)
    await trail.actOn(shapes, others)
    await refuseDatabase(settings, endings)
    const asked = await trail.askAll({ everywhere, onlyCredentials, shown })
    for (const { path, headers, body } of receiver.all)
      onlyCredentials.look(`a callback to ${path}`, JSON.stringify([headers, body]))
    await dump(client, everywhere, onlyCredentials)
    everywhere.look('the log of the nodes', await readFile(logFile, 'utf8'))
    await writeFile(
      join(folder, 'wrong.txt'),
      [...everywhere.found, ...onlyCredentials.found].map((one) => `${one}\n`).join(''),
    )
    const searched = everywhere.searched + onlyCredentials.searched
    return [
      atLeast('shapes of secrets', shapes.length, 20),
      atLeast('credentials', credentials.flatMap(({ values }) => values).length, 8),
      atLeast('items and calls with them', done, shapes.length * 6),
      atLeast('callbacks', receiver.all.length, shapes.length),
      atLeast('shapes found where they may be: with administrators', shown.names, 20),
      atLeast('answers looked through', asked, 250),
      atLeast('looked through', searched / 1_000_000, 1, 'MB'),
      none('secrets and credentials found', everywhere.found.length),
      none('credentials found beside payloads', onlyCredentials.found.length),
    ]
  },
}

/** Nodes that do not come to their database end with what they say of it. */
async function refuseDatabase(settings: HttpSettings, endings: Endings): Promise<void> {
  const wrong = new URL(settings.database)
  wrong.password = wrongPassword
  const away = new URL(wrong)
  away.port = '9'
  for (const { href } of [wrong, away])
    await HttpNode.start({ ...settings, name: 'locked out', database: href }, endings).catch(() => {})
}

/** Where items stand: what they hold is kept there in clear. */
const ofItems = new Set(
  'log waiting_item broken_item tracked_item item_log act idempotent_call trace_line unique_key debounce'.split(
    ' ',
  ),
)

/** All columns of all rows, as text. */
async function dump(client: Node, everywhere: CanaryHunt, onlyCredentials: CanaryHunt): Promise<void> {
  const tables = await client.query(
    `select table_name as name from information_schema.tables where table_schema = 'coatcheck'`,
  )
  for (const { name } of tables.rows as { name: string }[]) {
    const { rows } = await client.query(
      `select t::text as row, to_json(t)::text as json from coatcheck."${name}" t`,
    )
    const hunt = ofItems.has(name) ? onlyCredentials : everywhere
    for (const { row, json } of rows as { row: string; json: string }[])
      hunt.look(`the table ${name}`, row + json)
  }
}
