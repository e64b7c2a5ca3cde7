import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { itemIdAt, rowIdOf } from '../../../src/base/ids.ts'
import { createNode, type Node } from '../../../src/index.ts'
import { authorizationCells, prepareCallers } from '../../http/authorization-table.ts'
import { hr, provision } from '../../http/hr-application.ts'
import { startIssuer } from '../../http/issuer.ts'
import { Browser } from '../../operate/browser.ts'
import { operationsOf as operatorOperationsOf, type Operation } from '../../operate/routes-of.ts'
import type { ChaosCase } from '../chaos-case.ts'
import type { Endings } from '../endings.ts'
import { atLeast, none } from '../figure.ts'
import { operationOf, operationsOf } from '../http/api-operations.ts'
import { AskedCallers } from '../http/asked-callers.ts'
import { guessIds } from '../http/guessed-ids.ts'
import { HttpNode } from '../http/http-node.ts'
import { openDatabase } from '../http/open-database.ts'
import { seededRandom } from '../seeded-random.ts'
import { waitUntil } from '../wait-until.ts'

export const authorization: ChaosCase = {
  number: 40,
  name: 'every caller at every door of two nodes and every operation for operators, guessed ids, and what belongs to somebody else',
  minutes: 3,
  shortSeconds: 10,
  leavesOut:
    'in the short form 10,000 guesses in place of 100,000; row-level security in the database, as a second fence, is not built; tenants are callers and access groups',
  async play(_open, { endings, seed, isShort, folder }) {
    const database = await openDatabase(endings)
    const issuer = await startIssuer({ after: (end) => endings.add('issuer of tokens', end) })
    const auth = { jwt: [{ issuer: issuer.url, audience: 'coatcheck', rolesClaim: 'roles' }] }
    const start = (name: string): Promise<HttpNode> => HttpNode.start({ database, name, auth }, endings)
    const nodes = [await start('first'), await start('second')]
    const client = await openClient(database, endings)
    const callers = await prepareCallers(client.apiKeys, (claims) => issuer.sign(claims))
    const asked = new AskedCallers(
      nodes.map(({ url }) => url),
      callers,
    )

    const mine = await asked.hire(0, callers.maker)
    const code = await client.enqueue(provision, {})
    await succeeds(client, [mine, code])
    const cells = authorizationCells({ mine, code, missing: itemIdAt(rowIdOf(mine), 4_000) })
    const matrix = await asked.askMatrix(cells)
    const description = await asked.send(0, 'GET', '/openapi.json', callers.administrator)
    const operations = operationsOf((await description.json()) as Parameters<typeof operationsOf>[0])
    const rows = new Set(cells.map(operationOf))
    const uncovered = operations.filter((one) => !rows.has(one))
    const operating = await asked.askOperations(await operatorOperations(client, asked.urls[0] ?? ''))

    const count = isShort ? 40 : 400
    const items = await Promise.all(Array.from({ length: count }, (_, at) => asked.hire(at, callers.maker)))
    await succeeds(client, items)
    const foreign = await asked.askForOthers(items)
    const hidden = await asked.operateOnOthers(items)
    const own = await asked.askForOwn(items)
    const shared = await asked.shareKeys(count)

    const others = await client.enqueueMany(
      provision,
      Array.from({ length: 4_000 }, () => ({})),
    )
    const guesses = isShort ? 10_000 : 100_000
    const said = await asked.guess(guessIds([...items, ...others], guesses, seededRandom(seed)))
    await writeFile(
      join(folder, 'wrong.txt'),
      [...asked.wrong, ...uncovered, ...said.keys()].map((one) => `${one}\n`).join(''),
    )
    return [
      atLeast('cells of the matrix, on two nodes', matrix.cells, 600),
      none('cells that were answered otherwise', matrix.wrong),
      atLeast('operations of the API', operations.length, 8),
      none('of them not in the matrix', uncovered.length),
      atLeast("cells of the operator's API, on two nodes", operating.cells, 800),
      none('of them answered otherwise', operating.wrong),
      atLeast('what an operator of another group asks about items', hidden.asked, count * 4),
      none('of it answered as if they were there', hidden.leaks),
      atLeast('questions for what is somebody else’s', foreign.asked, count * 25),
      none('of them not answered with 404', foreign.leaks),
      none('results that their own caller did not get', count - own),
      none('keys that two callers shared', shared),
      atLeast(
        'guessed ids',
        [...said.values()].reduce((sum, times) => sum + times, 0),
        guesses,
      ),
      none('answers to them that tell one id from another', said.size - 1),
      none(
        'answers to them other than 404',
        [...said.keys()].filter((text) => !text.startsWith('404 ')).length,
      ),
    ]
  },
}

/** All that the operator's API says it has. */
async function operatorOperations(client: Node, url: string): Promise<Operation[]> {
  const browser = new Browser(url)
  await browser.open(await client.consoleLink({ role: 'observer' }))
  return operatorOperationsOf(browser)
}

/** A node that neither listens nor works: it makes keys and items. */
async function openClient(database: string, endings: Endings): Promise<Node> {
  const client = await createNode({ applications: [hr], database, http: false, log: false })
  endings.add('client', () => client.stop())
  return client
}

async function succeeds(client: Node, ids: readonly string[]): Promise<void> {
  await waitUntil('the items have ended', 60_000, async () => {
    const items = await Promise.all(ids.map((id) => client.item(id)))
    return items.every((item) => item?.state === 'succeeded')
  })
}
