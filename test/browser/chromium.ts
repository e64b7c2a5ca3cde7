import { after } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchChromium } from './launch.ts'

let browser: Promise<Browser> | undefined
after(async () => (await browser)?.close())

/** The browser of this file. */
export function openBrowser(): Promise<Browser> {
  browser ??= launchChromium()
  return browser
}
