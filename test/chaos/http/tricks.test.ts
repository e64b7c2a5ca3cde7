import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Wire } from '../../http/conformance/wire.ts'
import { faultOf, makeTricks, type Trick } from './tricks.ts'

const of = (kind: Trick['kind']): Trick => ({ name: 'x', kind, bytes: '' })

function wire(status: number, body = '', headers: Record<string, string> = {}): Wire {
  const map = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]))
  return { answers: [{ status, headers: map, body }], closed: true, rest: '' }
}

test('one answer that refuses, and the end of the connection, is as it should be', () => {
  for (const kind of ['smuggling', 'flood', 'CRLF', 'TRACE'] as const)
    assert.equal(faultOf(of(kind), wire(400)), undefined)
  assert.equal(faultOf(of('flood'), { answers: [], closed: true, rest: '' }), undefined)
})

test('an answer to what was hidden, a success, an open connection and an echo are faults', () => {
  const { answers } = wire(400)
  assert.match(
    faultOf(of('smuggling'), { answers: [...answers, ...answers], closed: true, rest: '' }) ?? '',
    /400,400/,
  )
  assert.match(faultOf(of('smuggling'), wire(200)) ?? '', /200/)
  assert.match(faultOf(of('TRACE'), wire(200)) ?? '', /200/)
  assert.match(faultOf(of('TRACE'), wire(405, 'Cookie: canary-of-trace')) ?? '', /told what it said/)
  assert.match(faultOf(of('flood'), { answers, closed: false, rest: '' }) ?? '', /left open/)
  assert.match(faultOf(of('CRLF'), wire(200, '', { 'set-cookie': 'b=c' })) ?? '', /smuggled into the answer/)
})

test('each trick has a name of its own within its kind', () => {
  const tricks = makeTricks()
  assert.equal(new Set(tricks.map(({ kind, name }) => `${kind} ${name}`)).size, tricks.length)
  assert.ok(tricks.length > 50)
})
