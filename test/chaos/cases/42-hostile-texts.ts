import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildConsole } from '../../../scripts/console-build.ts'
import { createNode, type Node } from '../../../src/index.ts'
import { launchChromium, noChromium } from '../../browser/launch.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none, type Figure } from '../figure.ts'
import { ConsoleVisitor } from '../http/console-visitor.ts'
import { plantHostileTexts, type Planted } from '../http/hostile-guests.ts'
import { hostile, hostileTexts } from '../http/hostile.ts'
import { HttpNode } from '../http/http-node.ts'
import { readLogLines } from '../http/log-lines.ts'
import { openDatabase } from '../http/open-database.ts'
import { VoidRun } from '../stage.ts'
import { waitUntil } from '../wait-until.ts'

export const hostileFields: ChaosCase = {
  number: 42,
  name: 'markup, addresses, forged lines, escapes and formulas in all that outsiders, callers and operators can fill, seen by a browser',
  minutes: 1,
  shortSeconds: 40,
  leavesOut:
    'no export exists that a spreadsheet opens, which is what is checked of formulas; names that an identity provider gives are not filled; in the short form three quarters of the items that did not fail are not opened',
  async play(_open, { endings, isShort, folder }) {
    if (noChromium !== false) throw new VoidRun(noChromium)
    await buildConsole({ ifStale: true })
    const database = await openDatabase(endings)
    const logFile = join(folder, 'node.log')
    const name = hostileTexts[1] ?? ''
    const node = await HttpNode.start({ database, name, definitions: 'hostile', auth: {}, logFile }, endings)
    const client = await createNode({ applications: [hostile], database, http: false, log: false })
    endings.add('client', () => client.stop())
    const planted = await plantHostileTexts(node.url, client)

    const browser = await launchChromium()
    endings.add('browser', () => browser.close())
    const visitor = await ConsoleVisitor.open(browser, node.url)
    await visitor.visit(`#refused=${encodeURIComponent(hostileTexts[0] ?? '')}`)
    const link = new URL(await client.consoleLink(), node.url)
    await visitor.page.goto(node.url + link.pathname + link.hash)
    await visitor.loaded()
    const heard = await visitor.tellsOfOpenPage(hostileTexts)
    await visitPages(visitor, client, planted, isShort)
    const log = await logFigures(node, logFile)
    await writeFile(
      join(folder, 'wrong.txt'),
      [
        visitor.ran,
        visitor.violations,
        visitor.foreign,
        visitor.elements,
        visitor.thrown,
        visitor.stuck,
        log.odd,
      ]
        .flat()
        .map((one) => `${one}\n`)
        .join(''),
    )
    return [
      atLeast('places filled', planted.taken, hostileTexts.length * 8),
      atLeast('of the texts, those that act where nothing protects', heard, 8),
      atLeast('pages looked at', visitor.pages, isShort ? 150 : 200),
      none('scripts that ran', visitor.ran.length),
      none('violations of the Content-Security-Policy', visitor.violations.length),
      none('requests to anybody else', visitor.foreign.length),
      none('elements that act, and links that lead elsewhere', visitor.elements.length),
      none('errors that a page threw', visitor.thrown.length),
      none('pages that could not be used', visitor.stuck.length),
      ...log.figures,
      none('answers of the API that a spreadsheet opens', await countSheets(node.url, client)),
    ]
  },
}

/** Every page, and what opens on it. */
async function visitPages(
  visitor: ConsoleVisitor,
  client: Node,
  planted: Planted,
  isShort: boolean,
): Promise<void> {
  const { page } = visitor
  const names = [
    '',
    'overview',
    'queues',
    'items',
    'services',
    'api-keys',
    'nodes',
    'alerts',
    'audit',
    'users',
    'applications',
    'settings',
  ]
  for (const name of names) await visitor.visit(`/${name}`)
  for (const state of ['broken', 'held', 'succeeded']) await visitor.visit(`/items?state=${state}`)
  for (const kind of ['item', 'items', 'queue', 'user', 'api-key', 'service'])
    await visitor.visit(`/audit?subject=${kind}`)
  await visitor.visit('/queues/standard')
  await visitor.visit('/queues/keep')
  for (const id of planted.broken) {
    await visitor.visit(`/items/${id}`)
    await visitor.use(id, async () => {
      await page.getByRole('button', { name: 'Edit and requeue' }).click()
      await page.getByRole('dialog').waitFor()
      await visitor.look(`${id}, editing`)
      await page.keyboard.press('Escape')
    })
  }
  for (const id of isShort ? planted.others.filter((_, at) => at % 4 === 0) : planted.others)
    await visitor.visit(`/items/${id}`)
  for (const text of hostileTexts) {
    await visitor.visit(`/items?key=${encodeURIComponent(text)}`)
    await visitor.use('searching', async () => {
      await page.locator('#search').fill(text)
      await visitor.look('searching')
    })
  }
  await visitor.visit(`/${encodeURIComponent(hostileTexts[0] ?? '')}`)
  await visitor.use('the trace', () => trace(visitor, client, planted.broken))
  await visitor.use('trying a service', () => tryService(visitor))
  for (const path of ['//docs', '//openapi.json', '//operate/openapi.json', '//operate/audit?limit=200'])
    await visitor.visit(path)
  for (const id of planted.broken.slice(0, 3)) await visitor.visit(`//operate/items/${id}`)
}

/** What happens in a queue, while it does. */
async function trace(visitor: ConsoleVisitor, client: Node, broken: readonly string[]): Promise<void> {
  const { page } = visitor
  await visitor.visit('/queues/keep')
  await page.getByRole('button', { name: 'Follow' }).click()
  // It takes a moment until the node has heard of it.
  for (let at = 0; (await page.locator('.trace').count()) === 0; at++)
    await client.requeue(broken[at % broken.length] ?? '').catch(() => {})
  for (const id of broken) await client.requeue(id).catch(() => {})
  await page.locator('.trace').getByText('broken').first().waitFor()
  await visitor.look('the trace')
}

async function tryService(visitor: ConsoleVisitor): Promise<void> {
  const { page } = visitor
  await visitor.visit('/services')
  await page.getByRole('button', { name: 'Try it refuse' }).click()
  const form = page.getByRole('form', { name: 'Try refuse' })
  for (const text of hostileTexts.slice(0, 12)) {
    await form.getByLabel('text', { exact: true }).fill(text)
    await form.getByRole('button', { name: 'Send' }).click()
    await page.locator('.try-answer').getByText('422').first().waitFor()
    await visitor.look('an answer of a service')
  }
}

/** A line for each event that the node told of, and no other. */
async function logFigures(
  node: HttpNode,
  file: string,
): Promise<{ odd: readonly string[]; figures: Figure[] }> {
  let log = await readLogLines(file)
  let differing: string[] = []
  await waitUntil('the log tells of every event', 10_000, async () => {
    const { 'settle.done': _, ...events } = (await node.vitals()).events
    log = await readLogLines(file)
    const names = new Set([...Object.keys(events), ...Object.keys(log.byEvent)])
    differing = [...names].filter((name) => events[name] !== log.byEvent[name])
    return differing.length === 0
  }).catch(() => {})
  return {
    odd: log.odd,
    figures: [
      atLeast('lines of the log', log.lines, hostileTexts.length * 4),
      none('lines that are no line of ours', log.odd.length),
      none('events with more or fewer lines than one each', differing.length),
    ],
  }
}

async function countSheets(url: string, client: Node): Promise<number> {
  const { key } = await client.apiKeys.create({ name: 'reader', roles: ['observer'] })
  let sheets = 0
  for (const path of ['/openapi.json', '/operate/openapi.json']) {
    const answer = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${key}` } })
    sheets += [...(await answer.text()).matchAll(/"[\w.+-]+\/[\w.+-]*(?:csv|tab-sep|excel|sheet)[\w.+-]*"/g)]
      .length
  }
  return sheets
}
