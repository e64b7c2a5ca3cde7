import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueueFigures } from '../../src/engine/queue-figures.ts'
import { openDatabase } from '../../src/store/database.ts'
import { freshPlace } from '../flows/setup.ts'

test('the first look does not wait until a long count is through', async (t) => {
  const database = await openDatabase(await freshPlace())
  t.after(() => database.driver.close())
  const { driver, schema } = database
  if (driver.kind === 'pglite') return t.skip('its one connection is held by who holds up the count')
  await driver.query(`select ${schema}.declare_queue('slow', 2)`)
  const release = Promise.withResolvers<void>()
  const holding = Promise.withResolvers<void>()
  const held = driver.transaction(async (transaction) => {
    await transaction.run({ text: `lock table ${schema}.waiting_item in access exclusive mode` })
    holding.resolve()
    await release.promise
  })
  await holding.promise
  let isHeld = true
  const looked = new QueueFigures(database).read().then(({ queues }) => ({ isHeld, queues }))
  const first = await Promise.race([looked, held])
  isHeld = false
  release.resolve()
  await held
  assert.equal(first?.isHeld, true)
  assert.deepEqual(
    first?.queues.map(({ name, scheduled }) => [name, scheduled]),
    [['slow', 0]],
  )
})
