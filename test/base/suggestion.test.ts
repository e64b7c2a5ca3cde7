import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closestName, unknownOption } from '../../src/base/suggestion.ts'

const known = [
  'name',
  'input',
  'key',
  'concurrency',
  'retry',
  'timeout',
  'order',
  'orderGroup',
  'retention',
  'maxPayload',
  'upgrade',
  'process',
]

test('typing errors lead to the name that was meant', () => {
  const meant = {
    concurency: 'concurrency',
    concurrancy: 'concurrency',
    Concurrency: 'concurrency',
    retries: 'retry',
    retryPolicy: 'retry',
    rety: 'retry',
    retyr: 'retry',
    timeOut: 'timeout',
    orderingGroup: 'orderGroup',
    maxPayloads: 'maxPayload',
    nmae: 'name',
    kye: 'key',
    keys: 'key',
    proccess: 'process',
    payload: 'maxPayload',
    group: 'orderGroup',
  }
  for (const [given, expected] of Object.entries(meant))
    assert.equal(closestName(given, known), expected, given)
})

test('what resembles nothing leads nowhere', () => {
  for (const given of ['', 'x', 'banana', 'partitions', 'k', '🙂🙂🙂'])
    assert.equal(closestName(given, known), undefined, given)
  assert.equal(closestName('name', []), undefined)
})

test('a name with one letter wrong is found, whatever the letter', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...known.filter((name) => name.length > 5)),
      fc.nat(),
      fc.constantFrom('insert', 'delete', 'replace', 'swap'),
      (name, place, change) => {
        const at = place % name.length
        const [before, letter = '', after] = [name.slice(0, at), name[at], name.slice(at + 1)]
        const changed = {
          insert: `${before}q${letter}${after}`,
          delete: before + after,
          replace: `${before}q${after}`,
          swap: `${before}${after.slice(0, 1)}${letter}${after.slice(1)}`,
        }[change]
        assert.equal(closestName(changed ?? '', known), name)
      },
    ),
  )
})

test('an unknown option is told with the way out', () => {
  assert.equal(unknownOption('rety', known), 'unknown option "rety"; did you mean "retry"?')
  assert.equal(unknownOption('banana', ['name', 'key']), 'unknown option "banana"; the options are name, key')
  assert.ok(unknownOption('x'.repeat(100_000), known).length < 300)
})
