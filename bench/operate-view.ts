import type { Browser, BrowserContext } from 'playwright-core'
import { buildConsole } from '../scripts/console-build.ts'
import type { Node } from '../src/index.ts'
import { launchChromium, noChromium } from '../test/browser/launch.ts'

/** How long a browser that has nothing of the console takes until a page shows what was asked for. */
export interface View {
  readonly title: string
  readonly tookMs: readonly number[]
}

/** Pages, and what stands in them when they are there. */
const views = [
  { title: 'queues, the landing page', at: '/queues', shown: 'main tbody tr' },
  { title: 'overview', at: '/overview', shown: 'main .chart canvas' },
  { title: 'items', at: '/items', shown: 'main tbody tr' },
] as const

/**
 * Opens each page in Debian's Chromium, signed in and without anything kept: no file, and no figures either.
 * @param node answers over HTTP
 * @returns undefined where there is no Chromium
 */
export async function measureViews(
  node: Node,
  times: number,
  rest: () => Promise<unknown>,
): Promise<View[] | undefined> {
  if (noChromium !== false) return undefined
  await buildConsole({ ifStale: true })
  const browser = await launchChromium()
  try {
    const signedIn = await signIn(browser, node)
    const measured: View[] = []
    for (const { title, at, shown } of views) {
      const tookMs: number[] = []
      for (let turn = 0; turn < times; turn++) {
        await rest()
        const context = await browser.newContext({
          storageState: signedIn,
          viewport: { width: 1280, height: 800 },
        })
        const page = await context.newPage()
        const askedAt = performance.now()
        await page.goto(`${node.url}/console${at}`)
        await page.locator(shown).first().waitFor()
        tookMs.push(performance.now() - askedAt)
        await context.close()
      }
      measured.push({ title, tookMs })
    }
    return measured
  } finally {
    await browser.close()
  }
}

/** @returns the cookie of a session */
async function signIn(
  browser: Browser,
  node: Node,
): Promise<Awaited<ReturnType<BrowserContext['storageState']>>> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(String(new URL(await node.consoleLink({ role: 'administrator' }), node.url)))
  await page.locator('main:not(.sign-in) h1').waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}
