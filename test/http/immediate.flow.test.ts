import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createNode, defineApplication, defineService } from '../../src/index.ts'
import { freshSchema, testDatabase } from '../databases.ts'

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
