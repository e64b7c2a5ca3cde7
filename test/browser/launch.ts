import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const path = process.env['CHROMIUM'] ?? usual.find((each) => existsSync(each))

/** Why nothing that needs a browser can be done; false where one is there. */
export const noChromium: string | false =
  path === undefined &&
  'there is no Chromium at /usr/bin/chromium (Debian: apt-get install chromium) nor where CHROMIUM says'

/** Starts the browser, without a window. */
export function launchChromium(): Promise<Browser> {
  // containers run tests as root, whom Chromium's sandbox refuses, and have a small /dev/shm
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  return chromium.launch({ ...(path !== undefined && { executablePath: path }), args })
}
