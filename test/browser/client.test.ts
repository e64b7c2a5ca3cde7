import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { z } from 'zod'
import type * as Exported from '../../src/client/client.ts'
import type { Client } from '../../src/client/client.ts'
import { createNode, defineApplication, defineService, Problem } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'
import { openBrowser } from './chromium.ts'
import { noChromium } from './launch.ts'

const input = z.object({ employeeId: z.string() })
const find = defineService({
  name: 'find',
  input,
  execution: 'immediate',
  run: async ({ employeeId }, ctx) => {
    if (employeeId === 'nobody') throw new Problem({ status: 404, code: 'NOBODY', detail: 'Nobody' })
    if (employeeId === 'slow')
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }))
    return { name: `name of ${employeeId}` }
  },
})
const hire = defineService({
  name: 'hire',
  input,
  run: async ({ employeeId }, ctx) => {
    if (employeeId === 'slow')
      await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject, { once: true }))
    return { account: `account of ${employeeId}` }
  },
})
const app = defineApplication({ name: 'hr', definitions: [find, hire] })

/** What the page has. */
interface World {
  readonly coatcheck: typeof Exported
  readonly client: Client<typeof app>
}

let bundle: Promise<string> | undefined

/** The client as browsers get it: one file, a script. */
async function bundleClient(): Promise<string> {
  // Vite says else that this is production, where a node without sign-in answers nobody
  process.env['NODE_ENV'] ??= 'test'
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      lib: {
        entry: join(import.meta.dirname, '../../src/client/client.ts'),
        formats: ['iife'],
        name: 'coatcheck',
      },
    },
  })
  const [{ output } = { output: [] }] = Array.isArray(built) ? built : [built as never]
  const [chunk] = output
  assert.ok(chunk?.type === 'chunk' && output.length === 1)
  return chunk.code
}

/** A page of the node's own origin with a client in it. */
async function openPage(t: TestContext, { before = '' } = {}): Promise<Page> {
  const node = await createNode({
    applications: [app],
    ...(await freshPlace()),
    http: { port: 0, basePath: '/in' },
    log: false,
    stopTimeout: '1 second',
  })
  t.after(() => node.stop())
  await node.start()
  const origin = new URL(node.url ?? '').origin
  const context = await (await openBrowser()).newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  const thrown: Error[] = []
  page.on('pageerror', (error) => thrown.push(error))
  t.after(() => assert.deepEqual(thrown, []))
  // a page of the application that the node is mounted in
  await page.route(`${origin}/application`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Application</title>' }),
  )
  await page.goto(`${origin}/application`)
  await page.unrouteAll()
  const make = `globalThis.client = coatcheck.createClient({ baseUrl: location.origin + '/in', application: 'hr' })`
  await page.addScriptTag({
    content: `${before};${await (bundle ??= bundleClient())};globalThis.coatcheck = coatcheck;${make}`,
  })
  return page
}

test(
  'the client in a browser calls, waits, follows, cancels and gives up',
  { skip: noChromium },
  async (t) => {
    const page = await openPage(t)
    const answers = await page.evaluate(async () => {
      const { client } = globalThis as unknown as World
      return {
        call: await client.call('find', { employeeId: '42' }),
        again: await client.call('find', { employeeId: '42' }, { idempotencyKey: 'one' }),
        replayed: await client.call('find', { employeeId: '42' }, { idempotencyKey: 'one' }),
        waited: await client.callAndWait('hire', { employeeId: '42' }),
      }
    })
    assert.deepEqual(answers, {
      call: { name: 'name of 42' },
      again: { name: 'name of 42' },
      replayed: { name: 'name of 42' },
      waited: { account: 'account of 42' },
    })

    const queued = await page.evaluate(async () => {
      const { client, coatcheck } = globalThis as unknown as World
      const error = await client.call('hire', { employeeId: '43' }).catch((thrown: unknown) => thrown)
      if (!(error instanceof coatcheck.QueuedRequestError) || !coatcheck.isQueuedRequest(error)) throw error
      const result = await client.result(error.queueItemId, { wait: '20s' })
      return { result, item: await client.item(error.queueItemId), id: error.queueItemId }
    })
    assert.deepEqual(queued.result, { account: 'account of 43' })
    assert.deepEqual([queued.item?.id, queued.item?.state], [queued.id, 'succeeded'])

    const problem = await page.evaluate(async () => {
      const { client, coatcheck } = globalThis as unknown as World
      const error = await client.call('find', { employeeId: 'nobody' }).catch((thrown: unknown) => thrown)
      if (!(error instanceof coatcheck.CallFailedError)) throw error
      return { code: error.code, status: error.status, message: error.message }
    })
    assert.deepEqual(problem, { code: 'NOBODY', status: 404, message: 'Nobody' })

    const aborted = await page.evaluate(async () => {
      const { client } = globalThis as unknown as World
      const mine = new AbortController()
      setTimeout(() => mine.abort(new Error('mine')), 200)
      const gaveUp = (error: unknown): string => (error as Error).message
      const { signal } = mine
      return Promise.all([
        client.call('find', { employeeId: 'slow' }, { signal }).then(() => 'answered', gaveUp),
        client.callAndWait('hire', { employeeId: 'slow' }, { signal }).then(() => 'answered', gaveUp),
      ])
    })
    assert.deepEqual(aborted, ['mine', 'mine'])
  },
)

/** Follows an item that is cancelled as soon as it is told of. */
async function followAndCancel(): Promise<{ states: string[]; verdict: string | undefined; code: string }> {
  const { client, coatcheck } = globalThis as unknown as World
  const error = await client.call('hire', { employeeId: 'slow' }).catch((thrown: unknown) => thrown)
  if (!coatcheck.isQueuedRequest(error)) throw error
  const states: string[] = []
  let verdict: string | undefined
  for await (const { state } of client.events(error.queueItemId)) {
    if (state === 'running') verdict ??= await client.cancel(error.queueItemId)
    states.push(state)
  }
  const code = await client.result(error.queueItemId).then(
    () => 'none',
    (thrown: unknown) => (thrown as { code: string }).code,
  )
  return { states, verdict, code }
}

for (const [browsers, before] of [
  ['a browser', ''],
  [
    'a browser whose streams have no asynchronous iteration',
    'delete ReadableStream.prototype[Symbol.asyncIterator]; delete ReadableStream.prototype.values',
  ],
] as const)
  test(`events reach ${browsers}`, { skip: noChromium, timeout: 60_000 }, async (t) => {
    const page = await openPage(t, { before })
    const { states, verdict, code } = await page.evaluate(followAndCancel)
    assert.deepEqual([states[0], states.at(-1)], ['ready', 'cancelled'])
    assert.equal(verdict, 'requested')
    assert.equal(code, 'ITEM_CANCELLED')
    const aborted = await page.evaluate(async () => {
      const { client, coatcheck } = globalThis as unknown as World
      const error = await client.call('hire', { employeeId: 'slow' }).catch((thrown: unknown) => thrown)
      if (!coatcheck.isQueuedRequest(error)) throw error
      const mine = new AbortController()
      try {
        for await (const _ of client.events(error.queueItemId, { signal: mine.signal }))
          mine.abort(new Error('mine'))
        return 'ended'
      } catch (thrown) {
        return (thrown as Error).message
      }
    })
    assert.equal(aborted, 'mine')
  })
