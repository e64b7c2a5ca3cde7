import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPreference } from '../../src/http/preference.ts'

const read = (prefer: string) => readPreference(new Headers({ prefer }))
const nothing = { respondAsync: false, waitMs: undefined, callback: undefined }

for (const [prefer, wanted] of [
  ['respond-async', { respondAsync: true }],
  [' Respond-Async ; x=y , wait = 10', { respondAsync: true, waitMs: 10_000 }],
  ['respond-async=""', { respondAsync: true }],
  ['respond-async=no', {}],
  ['wait="10"', { waitMs: 10_000 }],
  ['wait=10;wait=20, wait=30', { waitMs: 10_000 }],
  ['wait=, wait=30', {}],
  ['wait=1 0, wait=30', { waitMs: 30_000 }],
  ['wait=99999', { waitMs: 60_000 }],
  ['x="a, respond-async, \\", wait=1", wait=2', { waitMs: 2_000 }],
  ['x="a\\\\", wait=2', { waitMs: 2_000 }],
  ['callback', { callback: { url: undefined } }],
  ['callback; url="https://a/?b=c;d,e"', { callback: { url: 'https://a/?b=c;d,e' } }],
  ['odata.callback ;a; URL = https://a/', { callback: { url: 'https://a/' } }],
  ['callback; url="https://a/\\"b"', { callback: { url: 'https://a/"b' } }],
  ['callback; url="https://a/" x, callback; url="https://b/"', { callback: { url: undefined } }],
  ['wait=1, callback; url="https://a, wait=2', { waitMs: 1_000, callback: { url: undefined } }],
  ['"respond-async"', {}],
  ['', {}],
  [',,;=,', {}],
] as const)
  test(`Prefer: ${prefer}`, () => assert.deepEqual(read(prefer), { ...nothing, ...wanted }))

test('a callback is asked for by the header of its own where both are there', () => {
  const headers = new Headers({ prefer: 'callback; url="https://a/"', 'callback-url': 'https://b/' })
  assert.deepEqual(readPreference(headers), nothing)
})

test('a header is gone through once, whatever stands in it', () => {
  const many = 100_000
  for (const prefer of [
    `a${' '.repeat(many)}x`,
    `a=${' '.repeat(many)}"x`,
    '"'.repeat(many),
    '"\\'.repeat(many),
    `"${'\\"'.repeat(many)}`,
    `${'"a" '.repeat(many)}`,
    `callback${';'.repeat(many)}${' '.repeat(many)}`,
    `callback; url="${'\\"'.repeat(many)}`,
    `callback${'; url = '.repeat(many)}`,
    ','.repeat(many),
  ]) {
    const began = performance.now()
    read(`wait=1,${prefer}`)
    const ms = performance.now() - began
    // one that is gone through for each of its characters takes many seconds
    assert.ok(ms < 1_000, `${prefer.slice(0, 20)}: ${ms} ms`)
  }
})
