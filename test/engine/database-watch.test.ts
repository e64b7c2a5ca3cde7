import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Events } from '../../src/base/events.ts'
import { DatabaseWatch } from '../../src/engine/database-watch.ts'
import { engineOf } from '../../src/node.ts'
import { setup } from '../flows/setup.ts'
import { until } from '../store/until.ts'
import { intercept, unreachable } from './faults.ts'

test('a database that answers with an error is not away, and is not asked for ever', async (t) => {
  const node = await setup(t, [], { start: false })
  const events = new Events()
  const told: string[] = []
  events.listen((name, data) => {
    const { where } = data as { where?: string }
    told.push(where === undefined ? name : `${name} ${where}`)
  })
  const answers: (Error | undefined)[] = []
  let asked = 0
  const restore = intercept(node, async (name, proceed) => {
    if (name !== 'clock') return proceed()
    asked++
    const answer = answers.shift()
    if (answer) throw answer
    return proceed()
  })
  const watch = new DatabaseWatch(engineOf(node).database, events)
  await watch.start()
  t.after(async () => {
    restore()
    await watch.stop()
  })
  const denied = Object.assign(new Error('permission denied for schema coatcheck'), { code: '42501' })
  answers.push(denied)
  events.emit('problem', { where: 'test', error: unreachable() })
  await until('it is told', () => told.length >= 2)
  assert.deepEqual(told.splice(0), ['problem test', 'problem database-watch'])
  // Away, and then there again, if only to refuse.
  answers.push(unreachable(), denied)
  events.emit('problem', { where: 'test', error: unreachable() })
  await until('it is back', () => told.length >= 4)
  assert.deepEqual(told, ['problem test', 'database.away', 'problem database-watch', 'database.back'])
  assert.equal(asked, 3)
})
