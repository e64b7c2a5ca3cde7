import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fifo } from '../../src/engine/fifo.ts'

test('a fifo gives back what was pushed, in order, whatever is done between', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.nat(900) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.nat(900) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const), count: fc.constant(0) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const fifo = new Fifo<number>()
      let model: number[] = []
      let next = 0
      for (const { kind, count } of steps) {
        if (kind === 'drain') {
          assert.deepEqual(fifo.drain(), model)
          model = []
        }
        for (let at = 0; at < count; at++)
          if (kind === 'push') {
            fifo.push(next)
            model.push(next++)
          } else assert.equal(fifo.shift(), model.shift())
        assert.equal(fifo.size, model.length)
        assert.equal(fifo.peek(), model[0])
      }
    }),
  )
})
