import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { z } from 'zod'
import { createApiKey } from '../../src/http/api-key.ts'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/index.ts'
import { setupOperate } from '../operate/setup.ts'
import { setupAuth } from './auth-setup.ts'
import { startIssuer } from './issuer.ts'

test('no credential reaches a log, an event, an item or an answer', async (t) => {
  const lines: string[] = []
  const write = (fields: object, message: string) => lines.push(inspect([fields, message], { depth: 20 }))
  const issuer = await startIssuer(t)
  const { node, where } = await setupAuth(
    t,
    { jwt: [{ issuer: issuer.url, audience: 'coatcheck' }], rate: { quota: 1000, window: '1m' } },
    { log: { info: write, warn: write, error: write } },
  )
  node.events.listen((name, data) => lines.push(inspect([name, data], { depth: 20 })))
  const { key } = await node.apiKeys.create({ name: 'payroll' })
  const revoked = await node.apiKeys.create({ name: 'gone' })
  await node.apiKeys.revoke(revoked.id)
  const token = await issuer.sign()
  const canaries = {
    'a key': key,
    'a revoked key': revoked.key,
    'an unknown key': createApiKey().key,
    'a key cut short': key.slice(0, -1),
    'a token': token,
    'a token with another signature': `${token.slice(0, -10)}AAAAAAAAAA`,
    'an expired token': await issuer.sign({ exp: 1 }),
    'a token of nobody': await issuer.sign({ iss: 'https://evil.example' }),
    'a token with a kid of its own': await issuer.sign({}, { kid: 'mine' }),
    'a word': 'canary-hunter2-canary',
    'a word with quotes': 'canary"hunter2\\canary',
    'a password': `ada:${btoa('canary:hunter2')}`,
  }
  const seen: string[] = []
  for (const secret of Object.values(canaries))
    for (const scheme of ['Bearer ', 'Basic ', ''])
      for (const [path, body] of [
        ['/services/hr/ask', '{"text":"ok"}'],
        ['/services/hr/ask', '{"text":"fail"}'],
        ['/services/hr/hire', '{}'],
        ['/services/hr/pay', '{}'],
        ['/services/hr/nowhere', 'no JSON'],
      ] as const) {
        const answer = await fetch(new URL(path, node.url), {
          method: 'POST',
          headers: { authorization: scheme + secret, 'content-type': 'application/json' },
          body,
        })
        seen.push(inspect([...answer.headers]) + (await answer.text()))
      }
  for (const id of seen.flatMap((text) => /"id":"([0-9a-f-]{36})"/.exec(text)?.[1] ?? []))
    seen.push(inspect(await node.item(id), { depth: 20 }), inspect(await node.itemLog(id), { depth: 20 }))
  const all = [...lines, ...seen, inspect(await node.apiKeys.list(), { depth: 20 })].join('\n')
  assert.ok(lines.length > 0 && all.includes('payroll'))
  for (const [name, secret] of Object.entries(canaries)) {
    // the part that is secret: of a key what follows its id, of a token its signature
    const part = secret.startsWith('ck_') ? secret.slice(16) : (secret.split('.').at(-1) ?? secret)
    for (const form of [part, encodeURIComponent(part), JSON.stringify(part).slice(1, -1)])
      assert.ok(!all.includes(form), `${name} was found`)
  }
  // where keys are kept there is no secret either
  const { rows } = await node.query(`select to_json(k)::text as row from ${where.schema}.api_key k`)
  assert.equal(rows.length, 2)
  for (const { row } of rows as { row: string }[])
    for (const made of [key, revoked.key]) assert.ok(!row.includes(made.slice(16, 59)))
})

test('what handlers say of items with secrets is in no log, and of others it is', async (t) => {
  const lines: string[] = []
  const write = (fields: object) => lines.push(JSON.stringify(fields))
  const input = z.object({ ssn: z.string() })
  const secret = ['/ssn']
  const fail = ({ ssn }: { ssn: string }): never => {
    throw new Error(`nobody is ${ssn}`)
  }
  const retry = { maxAttempts: 2, initialDelay: 0 } as const
  const pay = defineQueueProcessor({ name: 'pay', input, secret, retry, process: fail })
  const tell = defineQueueProcessor({ name: 'tell', input, retry, process: fail })
  const ask = defineService({ name: 'ask', input, secret, execution: 'immediate', run: fail })
  const queueWhen = (): never => {
    throw new Error('who is 123-45-6789')
  }
  const judge = defineService({ name: 'judge', input, secret, execution: 'immediate', queueWhen, run: fail })
  const { node } = await setupOperate(t, {
    applications: [defineApplication({ name: 'hr', definitions: [pay, tell, ask, judge] })],
    log: { info: write, warn: write, error: write },
  })
  const told: unknown[] = []
  node.events.listen((name, data) => told.push([name, 'message' in data && data.message]))
  await node.enqueue(pay, { ssn: '123-45-6789' })
  await node.enqueue(tell, { ssn: 'of no account' })
  for (const name of ['ask', 'judge']) {
    const answer = await fetch(new URL(`/services/hr/${name}`, node.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"ssn":"123-45-6789"}',
    })
    assert.equal(answer.status, 500)
  }
  await node.drain()
  const said = lines.filter((line) => /item\.|http/.test(line))
  assert.equal(said.filter((line) => line.includes('nobody is of no account')).length, 2)
  assert.equal(said.filter((line) => line.includes('•••')).length, 5, said.join('\n'))
  assert.doesNotMatch(lines.join('\n'), /123-45/)
  // Who listens is told.
  assert.ok(told.some((one) => inspect(one).includes('nobody is 123-45-6789')))
})
