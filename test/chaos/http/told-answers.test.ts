import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ToldAnswers } from './told-answers.ts'

test('callers of a key who were told the same are no news', () => {
  const told = new ToldAnswers()
  told.add('a', '1', true)
  told.add('a', '1', false)
  told.add('b', '2', false)
  assert.deepEqual([told.keys, told.several, told.newAgain], [2, 0, 0])
})

test('another answer for a key is seen, and so is a second first one', () => {
  const told = new ToldAnswers()
  told.add('a', '1', true)
  told.add('a', '2', false)
  told.add('b', '3', true)
  told.add('b', '3', true)
  assert.deepEqual([told.keys, told.several, told.newAgain], [2, 1, 1])
})
