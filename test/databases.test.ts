import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { freshDatabase, freshSchema, testDatabase } from './databases.ts'

test('a fresh schema is new each time', () => {
  assert.notEqual(freshSchema(), freshSchema())
})

test('a fresh database is a database of its own', async () => {
  const { url } = testDatabase()
  if (!url) {
    await assert.rejects(freshDatabase(), /PGlite has one database/)
    return
  }
  const own = await freshDatabase()
  const client = new Client({ connectionString: own })
  await client.connect()
  const { rows } = await client.query('select current_database() as name')
  await client.end()
  assert.equal(`/${rows[0].name}`, new URL(own).pathname)
  assert.notEqual(own, await freshDatabase())
})
