import assert from 'node:assert/strict'
import { after, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { buildConsole } from '../../scripts/console-build.ts'
import { createNode, type ItemState, type Node, type NodeOptions } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'
import { accounts } from './accounts-application.ts'
import { openBrowser } from './chromium.ts'

let shared: Promise<Node> | undefined
after(async () => (await shared)?.stop())

/** The node of this file: a real one, with the real clock. */
export function accountsNode(): Promise<Node> {
  shared ??= startNode()
  return shared
}

/** Waits until an item of the node of this file is in a state. */
export async function stateOf(id: string, state: ItemState): Promise<void> {
  const node = await accountsNode()
  while ((await node.item(id))?.state !== state) await wait(20)
}

/** Pauses a queue, and waits until the node heeds it: what comes before that may still run. */
export async function pauseQueue(node: Node, queue: string): Promise<void> {
  const heeded = Promise.withResolvers<void>()
  const stopListening = node.events.listen((event) => {
    if (event === 'queue.state') heeded.resolve()
  })
  await node.queues.pause(queue)
  await heeded.promise
  stopListening()
}

/** @param more options in the place of the usual ones: a `schema` comes with the database that it is in */
export async function startNode(
  http: { readonly basePath?: string; readonly port?: number } = {},
  more: Partial<NodeOptions> = {},
): Promise<Node> {
  await buildConsole({ ifStale: true })
  const node = await createNode({
    applications: [accounts],
    ...(more.schema === undefined && (await freshPlace())),
    http: { port: 0, ...http },
    log: false,
    stopTimeout: '1 second',
    ...more,
  })
  await node.start()
  return node
}

export interface ConsoleOptions extends BrowserContextOptions {
  /** Another than that of the file. */
  readonly of?: Node
  readonly role?: 'observer' | 'operator' | 'administrator'
  /** Below `/console`: `/items`. */
  readonly at?: string
  /** Errors that the test is about: the browser writes one of each refused request. */
  readonly expected?: RegExp
  /** Origins beside the node's own that the test leads to. */
  readonly elsewhere?: readonly string[]
}

/** A page of the console, signed in by a link. That nothing went wrong in it is checked when the test ends. */
export async function openConsole(
  t: TestContext,
  { role = 'administrator', at = '', expected, elsewhere = [], of, ...options }: ConsoleOptions = {},
) {
  const node = of ?? (await accountsNode())
  const url = node.url ?? ''
  const browser = await openBrowser()
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const problems = watch(page, [url, ...elsewhere], expected)
  t.after(async () => {
    const violations = await page.evaluate('globalThis.violations')
    await context.close()
    assert.deepEqual(problems, [])
    assert.deepEqual(violations, [])
  })
  // the list is there before anything of the page runs
  await page.addInitScript(`globalThis.violations = []
    addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective + ' ' + event.blockedURI))`)
  const link = new URL(await node.consoleLink({ role }), url)
  await page.goto(url + link.pathname + at + link.hash)
  await page.locator('main:not(.sign-in) h1').waitFor()
  return { node, url, page }
}

/** What a console must never do: write errors, throw, ask anybody else, run a script of an item. */
function watch(page: Page, origins: readonly string[], expected: RegExp | undefined): string[] {
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() !== 'error' || expected?.test(message.text())) return
    problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => problems.push(`thrown: ${error.message}`))
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!origins.some((origin) => request.url().startsWith(origin)) && !request.url().startsWith('data:'))
      problems.push(`asked ${request.url()}`)
  })
  return problems
}

export interface NewPerson {
  readonly name: string
  readonly role: 'observer' | 'operator' | 'administrator'
  readonly accessGroup?: string
}

const password = 'correct horse battery staple'

/** Makes a user who can sign in with {@link signInAs}; by the session of the page, which is an administrator's. */
export async function makePerson(page: Page, person: NewPerson): Promise<void> {
  const { origin } = new URL(page.url())
  const answer = await page.request.post(`${origin}/operate/users`, {
    headers: { 'sec-fetch-site': 'same-origin' },
    data: { ...person, password },
  })
  assert.equal(answer.status(), 200, await answer.text())
}

/** Fills in the sign-in that the page shows. */
export async function signInAs(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.locator('main:not(.sign-in) h1').waitFor()
}

/** Waits until what was asked for is there. */
export async function loaded(page: Page): Promise<void> {
  await page.locator('main h1').waitFor()
  await page.locator('.skeleton').first().waitFor({ state: 'detached' })
}
