import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { showUsers } from '../../src/cli/users.ts'
import { createNode } from '../../src/index.ts'
import { hr } from '../http/hr-application.ts'
import { Browser, type Json } from '../operate/browser.ts'
import { databaseFlags, runCommand } from './command.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const password = 'correct horse battery'

/** Runs `coatcheck` with something on stdin. */
async function runWith(input: string, ...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, DATABASE_URL: '', NODE_ENV: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null) await once(child, 'close')
  return { code: child.exitCode, out, err }
}

test('users are made and links given out at the command line, and the audit says who did', async () => {
  const flags = await databaseFlags()
  const [name = '', value = ''] = flags
  const place = name === '--directory' ? { database: 'embedded', directory: value } : { database: value }
  await (await createNode({ applications: [hr], ...place, log: false })).stop()

  const made = await runWith(`${password}\n`, 'users', 'create', 'Ada', '--role', 'operator', ...flags)
  assert.equal(made.code, 0, made.err)
  assert.equal(made.out, 'User ada is made: operator.\n')
  const weak = await runWith('short\n', 'users', 'password', 'ada', ...flags)
  assert.equal(weak.code, 1)
  assert.match(weak.err, /the password is shorter than 12 characters/)
  const linked = await runCommand(
    'link',
    '--role',
    'administrator',
    '--url',
    'https://x.example/in/',
    ...flags,
  )
  assert.match(linked.out, /^https:\/\/x\.example\/in\/console#link=[\w-]{43}\n$/)
  assert.match(linked.err, /signs somebody in as administrator, once and within 10 minutes/)

  const node = await createNode({ applications: [hr], ...place, http: { port: 0 }, log: false })
  try {
    await node.start()
    const browser = new Browser(node.url ?? '')
    await browser.json('POST', '/sign-in', { name: 'ada', password }, 204)
    await browser.open(linked.out.trim())
    const { items } = await browser.json('GET', '/audit')
    const cli = (items as Json[]).filter(({ via }) => via === 'cli')
    assert.deepEqual(
      cli.map(({ act }) => act),
      ['link.create', 'user.create'],
    )
    for (const { operator } of cli) assert.match(String((operator as Json)['id']), /^cli:/)
  } finally {
    await node.stop()
  }
})

test('users are shown as a table', () => {
  const shown = showUsers([
    {
      name: 'ada',
      role: 'administrator',
      hasPassword: true,
      isDisabled: false,
      createdAt: new Date('2026-01-31T12:00:00Z'),
    },
    {
      name: 'bob',
      role: 'observer',
      accessGroup: 'h\u{1b}[2Jr',
      hasPassword: false,
      isDisabled: true,
      createdAt: new Date('2026-02-01T12:00:00Z'),
    },
  ])
  assert.deepEqual(
    shown.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | ')),
    [
      'name | state | role | access group | password | created',
      'ada | active | administrator | - | yes | 2026-01-31',
      'bob | disabled | observer | h\u{fffd}[2Jr | no | 2026-02-01',
    ],
  )
})

test('wrong usage is told in a sentence', async () => {
  const nameless = await runCommand('users', 'create', 'ada')
  assert.equal(nameless.code, 2)
  assert.match(nameless.err, /required option '--role <name>' not specified/)
  const wrong = await runCommand('link', '--role', 'root')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /Allowed choices are observer, operator, administrator/)
})
