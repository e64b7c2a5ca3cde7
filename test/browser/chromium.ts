import { existsSync } from 'node:fs'
import { after } from 'node:test'
import { chromium, type Browser } from 'playwright-core'

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const path = process.env['CHROMIUM'] ?? usual.find((each) => existsSync(each))

/** Why tests that need a browser are skipped; false where one is there. */
export const noChromium: string | false =
  path === undefined &&
  'there is no Chromium at /usr/bin/chromium (Debian: apt-get install chromium) nor where CHROMIUM says'

let browser: Promise<Browser> | undefined
after(async () => (await browser)?.close())

/** The browser of this file. */
export function openBrowser(): Promise<Browser> {
  // containers run tests as root, whom Chromium's sandbox refuses, and have a small /dev/shm
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  browser ??= chromium.launch({ ...(path !== undefined && { executablePath: path }), args })
  return browser
}
