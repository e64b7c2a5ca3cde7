import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { Sessions } from '../../src/operate/sessions.ts'
import type { Driver, Runner } from '../../src/store/driver.ts'
import { signal } from '../flows/order-watch.ts'
import { untilStatus, type Json } from './browser.ts'
import { setupOperate } from './setup.ts'

/** Whether a session is good by the database, whatever a node remembers; asking counts as a use. */
async function setupAsking(t: Parameters<typeof setupOperate>[0]) {
  const set = await setupOperate(t)
  const { database } = engineOf(set.node)
  const browser = await set.signedIn()
  const { host } = new URL(browser.url)
  const headers = new Headers({ cookie: browser.cookie ?? '', host })
  const isGood = async () =>
    (await new Sessions(database).find({ headers, host, origin: browser.url }, true)) !== undefined
  return { ...set, isGood }
}

test('half an hour without a request ends a session', async (t) => {
  const { node, isGood } = await setupAsking(t)
  await node.advance('29 minutes')
  assert.equal(await isGood(), true)
  await node.advance('29 minutes')
  assert.equal(await isGood(), true, 'the use has made it younger')
  await node.advance('31 minutes')
  assert.equal(await isGood(), false)
})

test('what a page asks by itself does not keep a session, and does not shorten it', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const mark = { 'coatcheck-refresh': '1' }
  const [left, busy, admin] = [await signedIn(), await signedIn(), await signedIn()]
  await admin.json('POST', '/users', { name: 'ada', role: 'observer' })
  const later = async (minutes: number) => {
    await node.advance(`${minutes} minutes`)
    // What the node remembers of sessions is as old as the clock is.
    await admin.json('PUT', '/users/ada', { role: 'observer' })
  }
  const ask = async (browser: typeof left, method: string, path: string, headers = {}) => {
    const answer = await browser.ask(method, path, method === 'GET' ? undefined : {}, headers)
    await (path === '/live' ? answer.body?.cancel() : answer.arrayBuffer())
    return answer.status
  }
  for (const path of ['/session', '/queues', '/live']) {
    await later(9)
    // The stream of hints is opened by a browser, which sends no headers of ours.
    assert.equal(await ask(left, 'GET', path, path === '/live' ? {} : mark), 200)
    assert.equal(await ask(busy, 'GET', path, mark), 200)
    // An act is one, whatever it says.
    assert.equal(await ask(busy, 'POST', '/queues/nobody/restart', mark), 404)
  }
  await later(4)
  assert.equal(await ask(left, 'GET', '/session', mark), 401)
  assert.equal(await ask(busy, 'GET', '/session', mark), 200)
  await later(25)
  assert.equal(await ask(busy, 'GET', '/session', mark), 200)
  await later(4)
  assert.equal(await ask(busy, 'GET', '/session', mark), 401)
})

test('what was read of a session before it ended is not kept', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const { database } = engineOf(node)
  const browser = await signedIn()
  const { host } = new URL(browser.url)
  const request = { headers: new Headers({ cookie: browser.cookie ?? '', host }), host, origin: browser.url }
  const arrived = signal()
  const go = signal()
  const run: Runner['run'] = async (...asked) => {
    const rows = await database.driver.run(...asked)
    arrived.give()
    await go.promise
    return rows
  }
  const driver = Object.assign(Object.create(database.driver) as Driver, { run })
  const sessions = new Sessions({ ...database, driver })
  const late = sessions.find(request, false)
  await arrived.promise
  const { session } = (await new Sessions(database).find(request, false)) ?? {}
  await database.driver.transaction((tx) => sessions.end(session?.id ?? '', null, tx))
  sessions.forget()
  go.give()
  assert.ok(await late)
  assert.equal(await sessions.find(request, false), undefined)
})

test('12 hours end a session, however much is asked', async (t) => {
  const { node, isGood } = await setupAsking(t)
  for (let minutes = 0; minutes < 12 * 60 - 20; minutes += 20) {
    await node.advance('20 minutes')
    assert.equal(await isGood(), true, `after ${minutes + 20} minutes`)
  }
  await node.advance('21 minutes')
  assert.equal(await isGood(), false)
})

test('administrators see all sessions and end any; others their own', async (t) => {
  const { signedIn } = await setupOperate(t)
  const [admin, observer, stranger] = [
    await signedIn(),
    await signedIn('observer'),
    await signedIn('observer'),
  ]
  const all = (await admin.json('GET', '/sessions'))['items'] as Json[]
  assert.equal(all.length, 3)
  assert.equal(all.filter(({ isOwn }) => isOwn).length, 1)
  const own = (await observer.json('GET', '/sessions'))['items'] as Json[]
  assert.equal(own.length, 1)
  assert.equal(own[0]?.['isOwn'], true)
  const id = String(own[0]['id'])
  await stranger.json('DELETE', `/sessions/${id}`, undefined, 404)
  assert.equal((await observer.ask('GET', '/session')).status, 200)
  await admin.json('DELETE', `/sessions/${id}`, { reason: 'left the company' }, 204)
  assert.ok((await untilStatus(() => observer.ask('GET', '/session'), 401)) < 5_000)
  const [line] = (await admin.json('GET', `/audit?act=session.end`))['items'] as Json[]
  assert.equal(line?.['subjectId'], id)
  assert.equal(line['reason'], 'left the company')
  assert.match(JSON.stringify(line['before']), /"via":"link"/)
})

test('the list of sessions goes on where a page ended', async (t) => {
  const { signedIn } = await setupOperate(t)
  const admin = await signedIn()
  for (let count = 1; count < 7; count += 1) await signedIn('observer')
  const seen: string[] = []
  for (let path = '/sessions?limit=3'; ;) {
    const { items, next } = await admin.json('GET', path)
    seen.push(...(items as Json[]).map(({ id }) => String(id)))
    if (next === undefined) break
    path = `/sessions?limit=3&cursor=${next as string}`
  }
  assert.equal(seen.length, 7)
  assert.equal(new Set(seen).size, 7)
})

test('a session says which parts of the API the node has', async (t) => {
  const { signedIn } = await setupOperate(t)
  const observer = await signedIn('observer')
  const { parts } = await observer.json('GET', '/session')
  const { paths } = await observer.json('GET', '/openapi.json')
  const described = new Set(Object.keys(paths as Json).map((path) => path.split('/')[1]))
  described.delete('openapi.json')
  assert.deepEqual(new Set(parts as string[]), described)
  assert.equal((parts as string[]).length, described.size)
  assert.ok((parts as string[]).includes('audit'))
})
