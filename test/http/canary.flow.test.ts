import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createApiKey } from '../../src/http/api-key.ts'
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
