import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect } from './history.ts'
import { checkHolders } from './holder-check.ts'

let seq = 0

function effect(node: string, token: number, more: Partial<Effect> = {}): Effect {
  const at = seq++
  return {
    op: 'start',
    seq: at,
    at,
    node,
    key: 'k',
    n: 1,
    attempt: 1,
    token,
    partition: 0,
    refused: false,
    ...more,
  }
}

test('tokens, each of one node, are in order', () => {
  const events = [
    effect('a', 1),
    effect('a', 1),
    effect('b', 2),
    effect('a', 1, { partition: 1 }),
    effect('a', 3),
  ]
  assert.deepEqual(checkHolders(events), { turns: 4, shared: 0 })
})

test('a token that two nodes have is found, also where the sink refused one of them', () => {
  const events = [effect('a', 5), effect('b', 5), effect('b', 4), effect('a', 4, { refused: true })]
  assert.deepEqual(checkHolders(events), { turns: 1, shared: 2 })
})
