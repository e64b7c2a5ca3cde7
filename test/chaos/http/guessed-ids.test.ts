import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRowId, itemIdAt, rowIdOf } from '../../../src/base/ids.ts'
import { seededRandom } from '../seeded-random.ts'
import { guessIds, whatItSays } from './guessed-ids.ts'

test('half of what is guessed is there, and most of the rest is beside it', () => {
  const row = createRowId(1, 0, 1_800_000_000_000)
  const known = Array.from({ length: 50 }, (_, at) => itemIdAt(row, at))
  const guesses = [...guessIds(known, 800, seededRandom(1))]
  assert.equal(guesses.filter((id) => known.includes(id)).length, 400)
  assert.equal(guesses.filter((id) => !known.includes(id) && rowIdOf(id) === rowIdOf(row)).length, 300)
})

test('two answers say the same but for the id and what is of the request', async () => {
  const answer = (id: string, correlation: string, more: object = {}): Response =>
    Response.json(
      { detail: `there is no item ${id}`, ...more },
      { status: 404, headers: { 'x-correlation-id': correlation } },
    )
  assert.equal(await whatItSays(answer('a-1', 'x'), 'a-1'), await whatItSays(answer('b-2', 'y'), 'b-2'))
  assert.notEqual(
    await whatItSays(answer('a-1', 'x'), 'a-1'),
    await whatItSays(answer('b-2', 'y', { state: 'ready' }), 'b-2'),
  )
})
