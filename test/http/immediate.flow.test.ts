import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createNode, defineApplication, defineService } from '../../src/index.ts'
import { freshSchema, testDatabase } from '../databases.ts'
import { until } from '../store/until.ts'

const database = testDatabase()

test('an immediate service: what it writes commits only with an answer that can be given, and in time', async (t) => {
  const schema = freshSchema()
  const table = `immediate_${schema}`
  const input = z.object({})
  const unwritable = defineService({
    name: 'unwritable',
    input,
    execution: 'immediate',
    run(_input, ctx) {
      ctx.atCommit((tx) => tx.query(`insert into ${table} values ('unwritable')`))
      return { big: 10n }
    },
  })
  const written = defineService({
    name: 'written',
    input,
    execution: 'immediate',
    run(_input, ctx) {
      ctx.atCommit((tx) => tx.query(`insert into ${table} values ('written')`))
      return { at: new Date(0) }
    },
  })
  const endless = defineService({
    name: 'endless',
    input,
    execution: 'immediate',
    timeout: '200ms',
    run: () => new Promise<string>(() => {}),
  })
  const node = await createNode({
    applications: [defineApplication({ name: 'app', definitions: [unwritable, written, endless] })],
    database: database.kind === 'postgres' ? database.url : 'embedded',
    directory: 'memory://',
    schema,
    http: { port: 0 },
    log: false,
  })
  t.after(() => node.stop())
  await node.query(`create table ${table} (name text)`)
  await node.start()
  const call = async (name: string) => {
    const answer = await fetch(`${node.url}/services/app/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    return { status: answer.status, body: (await answer.json()) as { code?: string } }
  }
  const refused = await call('unwritable')
  assert.deepEqual([refused.status, refused.body.code], [500, 'RESULT_INVALID'])
  assert.deepEqual(await call('written'), { status: 200, body: { at: '1970-01-01T00:00:00.000Z' } })
  const late = await call('endless')
  assert.deepEqual([late.status, late.body.code], [504, 'TIMEOUT'])
  const { rows } = await node.query(`select name from ${table}`)
  assert.deepEqual(rows, [{ name: 'written' }])
  await node.query(`drop table ${table}`)
})

test('as many requests of an immediate service run as may; a handler that goes on keeps its place', async (t) => {
  const gates: (() => void)[] = []
  const busy = defineService({
    name: 'busy',
    input: z.object({}),
    execution: 'immediate',
    maxRunning: 2,
    queueWhen: () => true,
    run: () => new Promise<string>((resolve) => gates.push(() => resolve('done'))),
  })
  const other = defineService({
    name: 'other',
    input: z.object({}),
    execution: 'immediate',
    run: () => 'free',
  })
  const node = await createNode({
    applications: [defineApplication({ name: 'app', definitions: [busy, other] })],
    database: database.kind === 'postgres' ? database.url : 'embedded',
    directory: 'memory://',
    schema: freshSchema(),
    // what is queued stays there
    nodeTypes: ['web'],
    http: { port: 0 },
    log: false,
  })
  t.after(() => node.stop())
  await node.start()
  const client = new AbortController()
  const post = (name: string, key: string, headers: object = {}, signal: AbortSignal | null = null) =>
    fetch(`${node.url}/services/app/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
      body: '{}',
      signal,
    })
  const left = post('busy', 'a', {}, client.signal)
  const first = post('busy', 'b')
  await until('both have begun', () => gates.length === 2)
  const refused = await post('busy', 'c')
  const { code } = (await refused.json()) as { code: string }
  assert.deepEqual([refused.status, code], [503, 'REQUESTS_FULL'])
  assert.ok(refused.headers.has('retry-after'))
  // nothing was begun: neither another service nor what is queued is in its way, nor is its key taken
  assert.equal((await post('other', 'c')).status, 200)
  assert.equal((await post('busy', 'd', { prefer: 'respond-async' })).status, 202)
  client.abort()
  await assert.rejects(left)
  // the call is free again once the run has been given up; its handler does not heed that
  let again = 409
  while (again === 409) again = (await post('busy', 'a')).status
  assert.equal(again, 503)
  gates.shift()?.()
  const next = post('busy', 'c')
  await until('it has begun', () => gates.length === 2)
  for (const open of gates) open()
  assert.equal((await next).status, 200)
  assert.equal((await first).status, 200)
})
