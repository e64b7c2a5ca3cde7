import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { z } from 'zod'
import { checkCallbacks } from '../../src/connect/callback-options.ts'
import { createNode, defineApplication, defineService } from '../../src/index.ts'

const secret = `whsec_${randomBytes(24).toString('base64')}`

function check(given: unknown) {
  const problems: string[] = []
  return { checked: checkCallbacks(given, (problem) => problems.push(problem)), problems }
}

test('what is not said has its default', () => {
  const { checked, problems } = check({ secrets: [secret] })
  assert.deepEqual(problems, [])
  assert.ok(checked)
  const { secrets, ports, maxBodyBytes, timeoutMs, retry } = checked
  assert.deepEqual([secrets, ports, maxBodyBytes, timeoutMs], [[secret], [80, 443], 262_144, 20_000])
  assert.equal(retry.maxAttempts, 10)
  const total = (retry.delaysMs ?? []).reduce((sum, delay) => sum + delay, 0)
  assert.equal(total, ((75 * 60 + 35) * 60 + 5) * 1000)
  assert.deepEqual(check(undefined), { checked: undefined, problems: [] })
})

test('the schedule can be another, by its delays or by its policy', () => {
  assert.equal(check({ secrets: [secret], retry: { delays: ['1s', '2s'] } }).checked?.retry.maxAttempts, 3)
  const { retry } = check({ secrets: [secret], retry: { maxAttempts: 4 } }).checked ?? {}
  assert.deepEqual([retry?.maxAttempts, retry?.delaysMs], [4, undefined])
  assert.equal(check({ secrets: [secret], retry: { jitter: 0 } }).checked?.retry.delaysMs?.length, 9)
})

test('what cannot be used is told, all at once, and no secret is shown', () => {
  const short = `whsec_${randomBytes(10).toString('base64')}`
  const { problems } = check({
    secrets: [secret, short, secret, 'sesame-open'],
    allowHosts: ['10.0.0.0/8', '8.8.8.0/24'],
    ports: [443, 0],
    maxBody: '2 MB',
    timeout: '2 minutes',
    retry: { delays: [] },
    allowHost: [],
  })
  const text = problems.join('\n')
  for (const says of [
    /callbacks\.secrets\[1\] has 10 bytes; it takes 24 to 64; write whsec_/,
    /callbacks\.secrets\[2\] is there twice/,
    /callbacks\.secrets\[3\] does not begin with whsec_/,
    /callbacks\.allowHosts has "8\.8\.8\.0\/24"/,
    /callbacks\.ports has 0/,
    /callbacks\.maxBody is "2 MB"/,
    /callbacks\.timeout is "2 minutes"/,
    /callbacks\.retry\.delays is \[\]/,
    /unknown option "callbacks\.allowHost"; did you mean "callbacks\.allowHosts"/,
  ])
    assert.match(text, says)
  assert.equal(problems.length, 9, text)
  for (const hidden of [secret, short, 'sesame']) assert.ok(!text.includes(hidden), text)
  for (const given of [secret, [secret], null, 7]) {
    const told = check(given).problems.join()
    assert.match(told, /callbacks takes an object/)
    assert.ok(!told.includes(secret), told)
  }
  for (const secrets of [undefined, [], secret, Array.from({ length: 11 }, () => secret)]) {
    const told = check({ secrets }).problems.join()
    assert.match(told, /takes a list of 1 to 10 secrets/)
    assert.ok(!told.includes(secret), told)
  }
})

test('a node tells them with all its other problems', async () => {
  const service = defineService({ name: 'serve', input: z.any(), run: () => 1 })
  await assert.rejects(
    createNode({
      applications: [defineApplication({ name: 'app', definitions: [service] })],
      maxUnsettled: 0,
      callbacks: { secrets: ['sesame-open'], ports: [0] },
    }),
    (error: Error) => {
      assert.match(error.message, /maxUnsettled is 0/)
      assert.match(error.message, /callbacks\.secrets\[0\] does not begin/)
      assert.match(error.message, /callbacks\.ports has 0/)
      return !error.message.includes('sesame')
    },
  )
})
