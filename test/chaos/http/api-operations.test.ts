import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationOf, operationsOf } from './api-operations.ts'

test('operations are named alike in a description and by a request', () => {
  const paths = {
    '/services/hr/hire': { post: {}, parameters: [] },
    '/services/chaos/once': { post: {} },
    '/queue-items/{id}/result': { get: {} },
  }
  const requests = [
    { method: 'POST', path: '/services/hr/hire' },
    { method: 'GET', path: '/queue-items/0199f3a1/result?wait=1s' },
  ]
  assert.deepEqual(operationsOf({ paths }), requests.map(operationOf))
})
