import type { TestContext } from 'node:test'
import { createTestNode, type TestNode, type TestNodeOptions } from '../../src/testing/testing.ts'
import { freshPlace, type Place } from '../flows/setup.ts'
import { hr } from '../http/hr-application.ts'
import { Browser } from './browser.ts'

/** A node that listens, with a clock that can be moved, and ways to ask it. */
export async function setupOperate(
  t: TestContext,
  { place, ...options }: Partial<TestNodeOptions> & { readonly place?: Place } = {},
) {
  const where = place ?? (await freshPlace())
  const node: TestNode = await createTestNode({
    applications: [hr],
    ...where,
    http: { port: 0 },
    log: false,
    stopTimeout: '1 second',
    ...options,
  })
  t.after(() => node.stop())
  const browser = () => new Browser(node.url ?? '')
  /** A browser that is signed in by a link. */
  const signedIn = async (role: 'observer' | 'operator' | 'administrator' = 'administrator') => {
    const opened = browser()
    await opened.open(await node.consoleLink({ role }))
    return opened
  }
  return { node, where, browser, signedIn }
}
