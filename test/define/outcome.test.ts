import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isQueuedRequest,
  isReject,
  isRetryLater,
  QueuedRequestError,
  Reject,
  RetryLater,
} from '../../src/define/outcome.ts'

test('Reject carries a message and a cause', () => {
  const cause = new Error('why')
  const error = new Reject('the employee has left', { cause })
  assert.ok(error instanceof Error)
  assert.deepEqual([error.name, error.message, error.cause], ['Reject', 'the employee has left', cause])
  assert.ok(!('cause' in new Reject('x')))
})

test('RetryLater says after how long, in either way of writing it', () => {
  assert.equal(new RetryLater({ after: '10 minutes' }).afterMs, 600_000)
  assert.equal(new RetryLater({ after: 0 }).afterMs, 0)
  const error = new RetryLater('the directory is being rebuilt', { after: '1 hour', cause: 5 })
  assert.deepEqual(
    [error.name, error.message, error.afterMs, error.cause],
    ['RetryLater', 'the directory is being rebuilt', 3_600_000, 5],
  )
  assert.equal(new RetryLater('busy').afterMs, undefined)
  assert.equal(new RetryLater({}).message, 'The handler asked to be run again later')
  assert.equal(new RetryLater({ message: 'busy' }).message, 'busy')
})

test('RetryLater refuses what is no duration', () => {
  assert.throws(() => new RetryLater({ after: 'soon' }), {
    code: 'OPTION_INVALID',
    message: /^after is "soon", which is no duration/,
  })
})

test('QueuedRequestError carries the ticket', () => {
  const error = new QueuedRequestError('0199f3a1-7c00-8001-8001-5f3c9a2b1000')
  assert.deepEqual(
    [error.code, error.status, error.queueItemId],
    ['QUEUED', 202, '0199f3a1-7c00-8001-8001-5f3c9a2b1000'],
  )
  assert.match(error.message, /0199f3a1-7c00-8001-8001-5f3c9a2b1000/)
})

test('outcomes are known by their brand, not by their class', () => {
  const brand = Symbol.for('coatcheck.error')
  const predicates = { reject: isReject, 'retry-later': isRetryLater, 'queued-request': isQueuedRequest }
  const made = {
    reject: new Reject('x'),
    'retry-later': new RetryLater({}),
    'queued-request': new QueuedRequestError('x'),
  }
  for (const [mark, is] of Object.entries(predicates)) {
    assert.ok(is({ [brand]: mark }), 'of another copy of the package')
    for (const [other, value] of Object.entries(made)) assert.equal(is(value), other === mark)
    for (const value of [null, undefined, 'x', new Error('x'), { name: 'Reject' }])
      assert.equal(is(value), false)
    // a class that was torn off its brand
    assert.equal(is(Object.create(Reject.prototype)), false)
  }
})
