import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isEmbedded, startCommand } from './command.ts'

const skip = !isEmbedded && 'no database is opened; the pass on PGlite does it'

const define = import.meta.resolve('../../src/define/define.ts')

/** Options of a node that would open it further than it says, and the one line that it is refused with. */
const unsafe: Record<string, [options: string, why: RegExp]> = {
  'every address without auth': [
    `http: { host: '0.0.0.0', port }`,
    /http\.host is "0\.0\.0\.0", which others can reach/,
  ],
  'every address of IPv6 without auth': [
    `http: { host: '::', port }`,
    /http\.host is "::", which others can reach/,
  ],
  'a name that is not this machine': [
    `http: { host: 'localhost.example.com', port }`,
    /http\.host is "localhost\.example\.com", which others can reach/,
  ],
  'auth that lets nobody in': [`auth: { apiKeys: false }`, /auth\.apiKeys is false; nobody could sign in/],
  'an option of auth that nobody knows': [
    `auth: { apikey: true }`,
    /unknown option "auth\.apikey"; did you mean "auth\.apiKeys"\?/,
  ],
  'auth switched on by a word': [`auth: true`, /auth is true; give an object/],
  'an issuer over plain HTTP': [
    `auth: { jwt: [{ issuer: 'http://login.example.com', audience: 'x' }] }`,
    /auth\.jwt\[0\]\.issuer is "http:\/\/login\.example\.com"; write a URL that begins with https:/,
  ],
  'keys of an issuer over plain HTTP': [
    `auth: { jwt: [{ issuer: 'https://login.example.com', jwksUri: 'http://login.example.com/keys', audience: 'x' }] }`,
    /auth\.jwt\[0\]\.jwksUri is .*; write a URL that begins with https:/,
  ],
  'tokens that were made for anybody': [
    `auth: { jwt: [{ issuer: 'https://login.example.com' }] }`,
    /auth\.jwt\[0\]\.audience is undefined; tokens that were made for others would be accepted/,
  ],
  'tokens without a signature': [
    `auth: { jwt: [{ issuer: 'https://login.example.com', audience: 'x', algorithms: ['none'] }] }`,
    /auth\.jwt\[0\]\.algorithms is \["none"\]/,
  ],
  'tokens signed with what checks them': [
    `auth: { jwt: [{ issuer: 'https://login.example.com', audience: 'x', algorithms: ['RS256', 'HS512'] }] }`,
    /with "HS512" everybody could make tokens who can check them/,
  ],
  'a service open to everybody that wants a role': [
    `auth: { anonymous: { services: ['hr/pay'] } }`,
    /"hr\/pay" wants a role, and who is not known has none/,
  ],
  'everything open to everybody': [
    `auth: { anonymous: {} }`,
    /auth\.anonymous\.services is undefined; list what/,
  ],
  'a limit that limits nothing': [
    `auth: { rate: { quota: Infinity, window: '1m' } }`,
    /auth\.rate\.quota is Infinity; write a whole number/,
  ],
  'the embedded database in production by oversight': [
    `auth: {}, name: (process.env['NODE_ENV'] = 'production')`,
    /No database is set, and NODE_ENV is production/,
  ],
}

for (const [name, [options, why]] of Object.entries(unsafe))
  test(`refused at start: ${name}`, { skip }, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'coatcheck-unsafe-'))
    t.after(() => rm(directory, { recursive: true, force: true }))
    const port = await freePort()
    const module = join(directory, 'app.mjs')
    await writeFile(
      module,
      `import { defineApplication, defineService } from ${JSON.stringify(define)}
       const port = ${port}
       const input = { '~standard': { version: 1, vendor: 'own', validate: (value) => ({ value }) } }
       const pay = defineService({ name: 'pay', input, roles: ['payroll'], run: () => null })
       export default { applications: [defineApplication({ name: 'hr', definitions: [pay] })], http: { port }, ${options} }`,
    )
    const data = join(directory, 'data')
    const begunAt = performance.now()
    const command = startCommand('start', module, '--directory', data)
    let isOver = false
    const ended = command.ended.finally(() => (isOver = true))
    let opened = 0
    while (!isOver) {
      if (await isOpen(port)) opened += 1
      await Promise.race([ended, delay(20)])
    }
    const { code, out, err } = await ended
    t.diagnostic(`it ended after ${Math.round(performance.now() - begunAt)} ms`)
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.match(err, why)
    // one clear line and no stack
    assert.equal(err.trimEnd().split('\n').length, 1, err)
    assert.equal(opened, 0)
    assert.equal(existsSync(data), false, 'no database was made either')
  })

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
