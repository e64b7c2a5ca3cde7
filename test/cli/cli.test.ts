import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from './command.ts'

const echoApp = fileURLToPath(import.meta.resolve('./echo-app.ts'))
const wrongApp = fileURLToPath(import.meta.resolve('./wrong-app.ts'))

test('wrong usage is told with exit code 2, help with 0', async () => {
  const [none, help, unknown, port] = await Promise.all([
    runCommand(),
    runCommand('--help'),
    runCommand('strat'),
    runCommand('start', echoApp, '--port', '70000'),
  ])
  assert.equal(none.code, 2)
  assert.match(help.out, /Usage: coatcheck/)
  assert.equal(help.code, 0)
  assert.equal(unknown.code, 2)
  assert.match(unknown.err, /Did you mean start\?/)
  assert.equal(port.code, 2)
  assert.match(port.err, /whole number from 0 to 65535/)
})

test('check tells all problems at once', async () => {
  const [right, wrong] = await Promise.all([runCommand('check', echoApp), runCommand('check', wrongApp)])
  assert.equal(right.code, 0)
  assert.match(right.out, /is in order: 0 queue processors and 2 services\./)
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /unknown option "htpp"; did you mean "http"\?/)
  assert.match(wrong.err, /name is "Echo!"/)
  assert.match(wrong.err, /maxAttempt/)
  assert.doesNotMatch(wrong.err, /^ +at /m)
})

test('secrets of callbacks come from the environment, and are not shown', async (t) => {
  const names = ['COATCHECK_CALLBACK_SECRETS', 'COATCHECK_CALLBACK_ALLOW_HOSTS'] as const
  t.after(() => names.forEach((name) => delete process.env[name]))
  process.env[names[0]] = `whsec_${Buffer.alloc(32, 1).toString('base64')}, sesame-open`
  process.env[names[1]] = 'erp.internal 8.8.8.0/24'
  const { code, err } = await runCommand('check', echoApp)
  assert.equal(code, 1)
  assert.match(err, /callbacks\.secrets\[1\] does not begin with whsec_/)
  assert.match(err, /callbacks\.allowHosts has "8\.8\.8\.0\/24"/)
  assert.doesNotMatch(err, /sesame|AQEB/)
  process.env[names[0]] = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
  process.env[names[1]] = ''
  assert.equal((await runCommand('check', echoApp)).code, 0)
})

test('a wrong LOG_LEVEL is refused with the levels there are', async (t) => {
  t.after(() => delete process.env['LOG_LEVEL'])
  for (const [level, said] of [
    ['verbose', /LOG_LEVEL is "verbose"; it must be one of trace, debug, info, warn, error, fatal, silent/],
    ['WARN', /LOG_LEVEL is "WARN"; did you mean warn\?/],
  ] as const) {
    process.env['LOG_LEVEL'] = level
    const { code, err } = await runCommand('check', echoApp)
    assert.equal(code, 1)
    assert.match(err, said)
  }
  process.env['LOG_LEVEL'] = ''
  assert.equal((await runCommand('check', echoApp)).code, 0)
})

test('a module that is none, or that exports nothing to run, is told in a sentence', async () => {
  const [missing, empty] = await Promise.all([
    runCommand('check', './nowhere.ts'),
    runCommand('start', join(import.meta.dirname, 'command.ts')),
  ])
  assert.equal(missing.code, 1)
  assert.match(missing.err, /^\.\/nowhere\.ts cannot be imported: Cannot find module .*\n$/)
  assert.equal(empty.code, 1)
  assert.match(empty.err, /command\.ts exports no configuration; export one as default: .*\n$/)
})

test('a database that cannot be reached is told in a line, without its password', async () => {
  const { code, err } = await runCommand('migrate', '--database', 'postgres://ada:secret@127.0.0.1:1/db')
  assert.equal(code, 1)
  assert.match(err, /^The database cannot be reached: .*\n$/)
  assert.doesNotMatch(err, /secret/)
})

test('who only looks at an item makes no database', async () => {
  const directory = join(tmpdir(), `coatcheck-nowhere-${process.pid}`)
  const id = '0199f3a1-7c00-8001-8001-5f3c9a2b1000'
  const [missing, wrong] = await Promise.all([
    runCommand('items', id, '--directory', directory),
    runCommand('items', '17', '--directory', directory),
  ])
  assert.equal(missing.code, 1)
  assert.match(missing.err, /There is no embedded database in /)
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /"17" is not a queue item id/)
  assert.equal(existsSync(directory), false)
})

test('cli.md lists the commands and options, and nothing else', async () => {
  const page = await readFile(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8')
  const commands = [
    [],
    ['start'],
    ['migrate'],
    ['check'],
    ['items'],
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke'],
    ['link'],
    ['users', 'create'],
    ['users', 'list'],
  ]
  const helps = await Promise.all(commands.map((command) => runCommand(...command, '--help')))
  const told = helps.map(({ out }) => out).join('\n')
  const list = /Commands:\n([^]*?)\n\n/.exec(told)?.[1] ?? ''
  assert.deepEqual(namesIn(page, /^## `([a-z]+)/gm), namesIn(list, /^ {2}((?!help)[a-z]+)/gm))
  assert.deepEqual(namesIn(page, /^\| `.*?--([a-z]+)/gm), namesIn(told, /^ {2}.*?--((?!help)[a-z]+)/gm))
})

function namesIn(text: string, pattern: RegExp): Set<string | undefined> {
  return new Set(Array.from(text.matchAll(pattern), ([, name]) => name))
}
