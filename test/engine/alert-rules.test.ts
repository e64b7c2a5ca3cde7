import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findAlerts } from '../../src/engine/alert-rules.ts'
import type { Figures, QueueFigure } from '../../src/engine/queue-figures.ts'

const at = 1_000_000_000

function figures(queue: Partial<QueueFigure>, nodes: Partial<Figures['nodes'][number]>[] = []): Figures {
  return {
    at,
    queues: [{ queue: 1, name: 'q', state: 'running', blockedKeys: 0, ...queue } as QueueFigure],
    nodes: nodes as Figures['nodes'],
    hours: new Map(),
    definitions: [],
  }
}

const rulesOf = (found: Figures, rates: [number, number][] = []) =>
  findAlerts(found, new Map(rates.map(([succeeded, broken]) => [1, { succeeded, broken }]))).map(
    ({ rule, subject }) => `${rule} ${subject}`,
  )

test('each rule finds what it is for from its bound on, and nothing before', () => {
  assert.deepEqual(rulesOf(figures({})), [])
  assert.deepEqual(rulesOf(figures({ blockedKeys: 2, blockedSince: at - 59_000 })), [])
  assert.deepEqual(rulesOf(figures({ blockedKeys: 2, blockedSince: at - 60_000 })), ['key-blocked q'])
  assert.deepEqual(rulesOf(figures({ state: 'stopped' })), ['queue-stopped q'])
  assert.deepEqual(rulesOf(figures({ state: 'paused' })), [])
  assert.deepEqual(rulesOf(figures({ oldestAgeMs: 299_000 })), [])
  assert.deepEqual(rulesOf(figures({ oldestAgeMs: 300_000 })), ['oldest-waiting q'])
  assert.deepEqual(rulesOf(figures({ oldestAgeMs: 300_000, state: 'paused' })), [])
  assert.deepEqual(rulesOf(figures({}), [[95, 5]]), [])
  assert.deepEqual(rulesOf(figures({}), [[94, 6]]), ['broken-rate q'])
  // Of a few a share says nothing.
  assert.deepEqual(rulesOf(figures({}), [[0, 19]]), [])
})

test('a node that died is told of for a quarter of an hour', () => {
  const lost = (agoMs: number, isAlive = false) =>
    rulesOf(figures({}, [{ bootId: 'n', name: 'n1', isAlive, leaseUntil: at - agoMs }]))
  assert.deepEqual(lost(-5_000, true), [])
  assert.deepEqual(lost(1_000), ['node-lost n'])
  assert.deepEqual(lost(899_000), ['node-lost n'])
  assert.deepEqual(lost(900_000), [])
})
