import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRowId, itemIdAt } from '../../src/base/ids.ts'
import type { Caller } from '../../src/http/caller.ts'
import { testDatabase } from '../databases.ts'
import { setupDoor } from './door-setup.ts'

const skip = testDatabase().kind !== 'pglite' && 'no database is asked; the pass on PGlite does it'

/** A door that believes a header: what it is about is what callers are answered, not how they sign in. */
function setup() {
  const caller = (name: string, more: Partial<Caller> = {}): Caller => ({
    kind: 'key',
    id: `key:${name}`,
    name,
    roles: [],
    ...more,
  })
  const callerOf = (request: Request) => {
    const name = request.headers.get('authorization') ?? ''
    return Promise.resolve(caller(name, name === 'ops' ? { roles: ['operator'] } : {}))
  }
  return setupDoor({ auth: { signIn: { callerOf } } })
}

/** The bar is 100,000: `GUESSES=100000` takes a minute. */
const guesses = Number(process.env['GUESSES'] ?? 10_000)

test('guessed ids, most of them of items that are there, tell a stranger nothing', { skip }, async () => {
  const { road, ask } = setup()
  const service = road.definitions.get('service:hire-worker')
  assert.ok(service)
  const context = { caller: 'key:maker', application: 'hr' }
  // whole rows, as a flush writes them: who has one id of a row can count its neighbours
  const ids: string[] = []
  while (ids.length < guesses * 0.8) {
    const id = createRowId(1, 0, Date.now())
    for (let index = 0; index < 4096; index++) ids.push(itemIdAt(id, index))
  }
  const made = await road.accept(service, { employeeId: '42' }, {}, context)
  const [known] = [road.items.get(made)]
  assert.ok(known)
  for (const [at, id] of ids.entries())
    if (at % 16 !== 0) road.items.set(id, { ...known, item: { ...known.item, id } })
  while (ids.length < guesses) ids.push(createRowId(1, ids.length % 6, Date.now()))
  const answers = new Map<string, number>()
  for (const [at, id] of ids.entries()) {
    const tail = ['', '/result', '?wait=1s', '/events'][at % 4] ?? ''
    const answer = await ask(`/queue-items/${id}${tail}`, { headers: { authorization: 'stranger' } })
    const headers = [...answer.headers].filter(([name]) => name !== 'x-correlation-id')
    const said = `${answer.status} ${JSON.stringify(headers)} ${(await answer.text()).replaceAll(id, '{id}')}`
    answers.set(said, (answers.get(said) ?? 0) + 1)
  }
  assert.deepEqual([...answers.values()], [ids.length], [...answers.keys()].join('\n'))
  assert.match([...answers.keys()].join(), /^404 /)
  const maker = await ask(`/queue-items/${ids[1]}`, { headers: { authorization: 'maker' } })
  assert.equal(maker.status, 200)
  assert.equal((await ask(`/queue-items/${ids[1]}`, { headers: { authorization: 'ops' } })).status, 200)
})

test('of an id whose retention would be over, an item of somebody else is gone as any other', async () => {
  const { road, ask } = setup()
  const service = road.definitions.get('service:hire-worker')
  assert.ok(service)
  const foreign = await road.accept(service, { employeeId: '42' }, {}, { caller: 'key:maker' })
  const missing = createRowId(1, 0, Date.now())
  for (const id of [foreign, missing]) road.expired.add(id)
  const saidOf = async (id: string) => {
    const answer = await ask(`/queue-items/${id}`, { headers: { authorization: 'stranger' } })
    return [answer.status, (await answer.text()).replaceAll(id, '{id}')]
  }
  assert.deepEqual(await saidOf(foreign), await saidOf(missing))
  assert.equal((await saidOf(foreign))[0], 410)
})
