import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { databaseFlags, isEmbedded, runCommand, startCommand } from './command.ts'

const app = fileURLToPath(import.meta.resolve('./echo-app.ts'))
// one for the file: a new embedded one takes seconds
const database = await databaseFlags()

async function post(url: string, service: string, body: object): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}services/cli/${service}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  assert.equal(answer.status, 202)
  return new URL(answer.headers.get('location') ?? '', url).href
}

test(
  'start runs a node until a signal; items shows what became of an item',
  { timeout: 180_000 },
  async () => {
    const database = await databaseFlags()
    const migrated = await runCommand('migrate', ...database)
    assert.match(migrated.out, /has been brought up to this release/)
    assert.match((await runCommand('migrate', ...database)).out, /is up to date/)

    const node = startCommand('start', app, '--port', '0', ...database)
    const url = await node.said(/services +(http:\S+\/)\n/)
    const kind = await node.said(/database +(\S+)/)
    assert.equal(kind, isEmbedded ? 'embedded:' : 'PostgreSQL')
    assert.equal(await node.said(/queues +(.*)/), 'standard: echo, hang')
    assert.match(await node.said(/Console: (\S+)/), /^http:\/\/127\.0\.0\.1:\d+\/console#link=[\w-]{43}$/)
    const item = await post(url, 'echo', { text: 'hello \u001b[31m' })
    const result = await fetch(`${item}/result?wait=20s`)
    assert.deepEqual(await result.json(), { text: 'hello \u001b[31m' })
    node.kill('SIGTERM')
    const { code, err } = await node.ended
    assert.deepEqual([code, err], [0, ''])

    const id = item.slice(item.lastIndexOf('/') + 1)
    const table = await runCommand('items', id, ...database)
    assert.equal(table.code, 0)
    assert.match(table.out, new RegExp(`^item +${id}\nstate +succeeded\nservice +echo\n`))
    assert.match(table.out, /\n\S+Z +1 +log +heard {2}\{"text":/)
    const json = JSON.parse((await runCommand('items', id, '--json', ...database)).out) as Record<
      string,
      unknown
    >
    assert.equal(json['state'], 'succeeded')
    assert.deepEqual(json['input'], { text: 'hello \u001b[31m' })
    assert.equal((json['log'] as { message: string }[])[0]?.message, 'heard')
    const unknown = await runCommand('items', id.replace(/^..../, 'ffff'), ...database)
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /^There is no item /)
  },
)

test('a second signal ends a node that cannot stop', { timeout: 180_000 }, async () => {
  const node = startCommand('start', app, '--port', '0', ...database)
  const url = await node.said(/services +(http:\S+\/)\n/)
  const item = await post(url, 'hang', {})
  while (!(await (await fetch(`${item}?wait=1s`)).text()).includes('startedAt'));
  node.kill('SIGINT')
  await node.said(/(Stopping)/)
  // what follows the first at once counts as the same, so it is sent until it counts
  const again = setInterval(() => node.kill('SIGINT'), 20)
  const { code } = await node.ended
  clearInterval(again)
  assert.equal(code, 1)
})
