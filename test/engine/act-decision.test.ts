import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decideAct,
  insteadOf,
  isFinalRefusal,
  type ActDecision,
  type ActStanding,
  type DecidedKind,
} from '../../src/engine/act-decision.ts'

const kinds = [
  ...(['cancel', 'defer', 'resume', 'requeue', 'edit', 'remove'] as const),
  ...(['skip', 'release'] as const),
] satisfies DecidedKind[]

/** What each act comes to, in the order of `kinds`: a(pply), r(efuse), t(ell), w(ait). */
const table: Record<ActStanding, string> = {
  ready: 'aarrrrrr',
  scheduled: 'aarrarrr',
  held: 'aarrarrr',
  deferred: 'aaararrr',
  running: 'trrrrrrr',
  unsettled: 'wwwwwwww',
  broken: 'rrraaarr',
  succeeded: 'rrrrrrrr',
  cancelled: 'rrrrrrrr',
  missing: 'rrrrrrrr',
}
/** The same of a broken one that blocks its key. */
const blocking = 'rrraaaaa'
const letters: Record<string, ActDecision> = { a: 'apply', r: 'refuse', t: 'tell', w: 'wait' }

test('each act has its verdict in each state', () => {
  for (const [standing, row] of Object.entries(table) as [ActStanding, string][])
    for (const [at, kind] of kinds.entries())
      assert.equal(
        decideAct(kind, standing, false),
        letters[row.charAt(at)],
        `${kind} of one that is ${standing}`,
      )
  for (const [at, kind] of kinds.entries())
    assert.equal(decideAct(kind, 'broken', true), letters[blocking.charAt(at)], kind)
})

test('a refusal is final only in states that nothing but another act changes', () => {
  for (const kind of kinds) {
    for (const state of ['succeeded', 'cancelled'] as const) assert.equal(isFinalRefusal(kind, state), true)
    for (const state of ['ready', 'running', 'scheduled', 'held', 'deferred'] as const)
      assert.equal(isFinalRefusal(kind, state), false, `${kind}, ${state}`)
    assert.equal(isFinalRefusal(kind, 'broken'), blocking.charAt(kinds.indexOf(kind)) === 'r')
  }
})

test('what is suggested instead would not be refused', () => {
  for (const [standing, row] of Object.entries(table) as [ActStanding, string][])
    for (const [at, kind] of kinds.entries()) {
      if (row.charAt(at) !== 'r') continue
      const sentence = insteadOf(kind, standing)
      for (const [other, name] of kinds.entries())
        if (new RegExp(`\\b${name}(l?ed|d)?\\b`).test(sentence) && !(standing === 'ready' && name === 'edit'))
          assert.notEqual(row.charAt(other), 'r', `${kind} of one that is ${standing}: ${sentence}`)
    }
})
