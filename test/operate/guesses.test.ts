import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { testDatabase } from '../databases.ts'
import { Browser } from './browser.ts'
import { setupOperate } from './setup.ts'

const skip = testDatabase().kind === 'pglite' ? 'it has one connection' : false
const password = 'correct horse battery'
/** As many as the reliability case asks for. */
const guesses = 1_000

test('of 1,000 guesses at an account 10 a minute are looked at, whatever node they go to', async (t) => {
  const { node, where, signedIn } = await setupOperate(t)
  const { node: other } = await setupOperate(t, { place: where })
  const admin = await signedIn()
  for (const name of ['ada', 'bob']) await admin.json('POST', '/users', { name, role: 'observer', password })
  const nodes = [new Browser(node.url ?? ''), new Browser(other.url ?? '')]
  const guess = async (name: string, number: number) => {
    const answer = await nodes[number % 2]!.ask('POST', '/sign-in', {
      name,
      password: `guess number ${number}`,
    })
    await answer.arrayBuffer()
    if (answer.status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
    return answer.status
  }
  const statuses: number[] = []
  for (let number = 0; number < guesses; number += 20) {
    const some = Array.from({ length: 20 }, (_, at) => guess(at % 2 === 0 ? 'ada' : 'ADA', number + at))
    statuses.push(...(await Promise.all(some)))
  }
  assert.equal(statuses.length, guesses)
  assert.equal(statuses.filter((status) => status === 401).length, 10)
  assert.equal(statuses.filter((status) => status === 429).length, guesses - 10)
  const [browser] = nodes
  await browser!.json('POST', '/sign-in', { name: 'ada', password }, 429)
  await browser!.json('POST', '/sign-in', { name: 'bob', password }, 204)
  // a minute and no less, counted from each of them
  await node.advance('1 minute')
  await browser!.json('POST', '/sign-in', { name: 'ada', password }, 204)
})

test('an account that is not there is limited in the same way, and so gives nothing away', async (t) => {
  const { browser } = await setupOperate(t)
  const statuses: number[] = []
  for (let number = 0; number < 12; number += 1)
    statuses.push((await browser().ask('POST', '/sign-in', { name: 'nobody', password: 'x' })).status)
  assert.deepEqual(statuses, [...Array<number>(10).fill(401), 429, 429])
})

test('who signs in takes two connections of the node, and too many are told to wait', { skip }, async (t) => {
  const { node, browser, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  const { driver, schema } = engineOf(node).database
  const open = () => browser().ask('POST', '/sign-in/link', { token: 'x'.repeat(43) })
  const { asked, refused } = await driver.transaction(async (tx) => {
    await tx.run({ text: `lock table ${schema}.operator_link` })
    const all = Array.from({ length: 110 }, open)
    let waiting = 110
    const done: Response[] = []
    for (const each of all) void each.then((answer) => ((waiting -= 1), done.push(answer)))
    while (waiting > 102) await admin.json('GET', '/session')
    const rows = await tx.run({
      text: `select 1 from pg_locks where not granted and relation = '${schema}.operator_link'::regclass`,
    })
    assert.equal(rows.length, 2)
    return { asked: all, refused: [...done] }
  })
  assert.deepEqual(
    refused.map(({ status, headers }) => [status, headers.get('retry-after')]),
    Array.from({ length: 8 }, () => [429, '1']),
  )
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  assert.equal(statuses.filter((status) => status === 401).length, 102)
})

test('a user that is not there takes as long to refuse as one that is', async (t) => {
  const { signedIn, browser } = await setupOperate(t)
  const admin = await signedIn()
  for (let number = 0; number < 9; number += 1)
    await admin.json('POST', '/users', { name: `user-${number}`, role: 'observer', password })
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
  for (let number = 0; number < 9; number += 1)
    for (const [kind, name] of [
      ['known', `user-${number}`],
      ['unknown', `nobody-${number}`],
    ] as const) {
      const begun = performance.now()
      await browser().json('POST', '/sign-in', { name, password: 'wrong' }, 401)
      times[kind].push(performance.now() - begun)
    }
  const median = (all: number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
  const [known, unknown] = [median(times.known), median(times.unknown)]
  t.diagnostic(
    `refused within ${known.toFixed(1)} ms (known), ${unknown.toFixed(1)} ms (unknown), medians of 9`,
  )
  // loosely: without the hash an unknown one takes a few milliseconds
  assert.ok(unknown > known / 3, `${unknown} against ${known}`)
})
