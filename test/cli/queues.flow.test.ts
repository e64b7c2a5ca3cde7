import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor } from '../../src/index.ts'
import { openDatabase } from '../../src/store/database.ts'
import { readAudit } from '../../src/store/operator-audit.ts'
import { freshSchema, testDatabase } from '../databases.ts'
import { runCommand } from './command.ts'

const work = defineQueueProcessor({ name: 'work', input: z.number(), dedicated: { partitions: 3 } })

test('queues are shown, and are given other partitions', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-queues-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { url } = testDatabase()
  const schema = freshSchema()
  const node = await createNode({
    applications: [defineApplication({ name: 'queues', definitions: [work] })],
    database: url ?? 'embedded',
    directory,
    schema,
    http: false,
  })
  // An embedded database has one process.
  await node.stop()
  const place = ['--database', url ?? 'embedded', '--directory', directory, '--schema', schema]
  const run = (...words: string[]) => runCommand('queues', ...words, ...place)
  // Beside the one that every node has, for callbacks.
  const shown = (await run()).out.split('\n').map((line) => line.split(/ {2,}/))
  assert.deepEqual(
    shown.find(([name]) => name === 'work'),
    ['work', '3 partitions', 'generation 1', '4093 numbers left'],
  )
  const changed = await run('partitions', 'work', '12')
  assert.equal(changed.code, 0)
  assert.match(changed.out, /^The queue "work" has 12 partitions now, as generation 2\./)
  assert.match((await run('partitions', 'work', '12')).out, /has 12 partitions already; nothing was changed/)
  const told = JSON.parse((await run('--json')).out) as { queue: string }[]
  assert.deepEqual(
    told.filter(({ queue }) => queue === 'work'),
    [{ queue: 'work', state: 'running', generation: 2, partitions: 12, draining: 3, numbersLeft: 4_081 }],
  )
  assert.match((await run('pause', 'work')).out, /^The queue "work" is paused\./)
  assert.match((await run('concurrency', 'work', '7')).out, /^Each node runs 7 of the queue "work" at once/)
  assert.match((await run('list')).out, /^work {2}paused since \S+Z {2}7 at once on a node {2}12 partitions/m)
  assert.match((await run('stop', 'work')).out, /^The queue "work" is stopped\./)
  assert.match((await run('restart', 'work')).out, /^The queue "work" is restarted\./)
  assert.match((await run('concurrency', 'work', 'none')).out, /as its definitions say\./)
  assert.match((await run('start', 'work')).out, /^The queue "work" runs\./)
  assert.match((await run('list')).out, /^work {2}12 partitions/m)
  const wrong: [string[], number, RegExp][] = [
    [['partitions', 'worx', '2'], 1, /^there is no queue "worx"/],
    [['partitions', 'work', '4082'], 1, /"work" has 4081 of its 4096 partition numbers left, not 4082/],
    [['partitions', 'work', '0'], 1, /partitions is 0; give a whole number from 1 to 4096/],
    [['pause', 'worx'], 1, /^there is no queue "worx"/],
    [['concurrency', 'work', '0'], 1, /perNode is 0; give a whole number from 1 to 10000/],
    [['concurrency', 'work', 'all'], 2, /Write a whole number from 1 to 10000, or none/],
    [['partitions', 'work', 'many'], 2, /Write a whole number from 1 to 4096/],
  ]
  for (const [words, code, told] of wrong) {
    const { err, code: ended } = await run(...words)
    assert.equal(ended, code, err)
    assert.match(err, told)
  }
  const database = await openDatabase({ database: url ?? 'embedded', directory, schema })
  const audit = await readAudit(database.driver, schema, {}, { after: undefined, limit: 100 })
  await database.driver.close()
  assert.deepEqual(
    audit.map(({ act, subjectId, via }) => [act, subjectId, via]),
    ['start', 'concurrency', 'restart', 'stop', 'concurrency', 'pause', 'partitions'].map((act) => [
      `queue.${act}`,
      'work',
      'cli',
    ]),
  )
  assert.deepEqual(JSON.parse(audit.at(-1)?.before ?? ''), { partitions: 3 })
})
