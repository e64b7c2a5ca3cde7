import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import type { Definition } from '../../src/define/definition.ts'
import { ImmediatePlaces } from '../../src/engine/immediate-places.ts'

const definition = { id: 'service:a', name: 'a', service: { maxRunning: 1 } } as Definition
const isFull = (error: unknown): boolean => isCoatcheckError(error, 'REQUESTS_FULL')

test('a place is free once its request is answered and its handler has ended, whichever comes first', async () => {
  const places = new ImmediatePlaces()
  for (const endsFirst of [true, false]) {
    const { promise, reject } = Promise.withResolvers<void>()
    const place = places.take(definition)
    place.handling(promise)
    for (const isHandler of [endsFirst, !endsFirst]) {
      assert.throws(() => places.take(definition), isFull)
      if (isHandler) reject(new Error('ended'))
      else place.leave()
      await new Promise(setImmediate)
    }
    places.take(definition).leave()
  }
})

test('one whose handler never ends is free after a while, once', async () => {
  const places = new ImmediatePlaces(1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const place = places.take(definition)
  place.handling(promise)
  place.leave()
  let next: { leave(): void } | undefined
  while (!next) {
    await new Promise((woken) => setTimeout(woken, 1))
    try {
      next = places.take(definition)
    } catch (error) {
      assert.ok(isFull(error))
    }
  }
  resolve()
  await promise
  assert.throws(() => places.take(definition), isFull)
  next.leave()
})
