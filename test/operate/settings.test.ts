import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { checkOptions, type NodeOptions } from '../../src/node/options.ts'
import { readMigrations } from '../../src/store/migration-files.ts'
import { createTestNode } from '../../src/testing/testing.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { testDatabase } from '../databases.ts'
import { freshPlace } from '../flows/setup.ts'
import { hr } from '../http/hr-application.ts'
import { askAs } from './asking.ts'
import { setupOperate } from './setup.ts'

/** Each stands where a secret may, so that none of them may come out. */
const canary = (place: string) => `canary-${place}`
const secret = (place: string) => `whsec_${Buffer.from(canary(place).padEnd(32, '.')).toString('base64')}`

const full: NodeOptions = {
  applications: [hr],
  database: `postgres://ada:${canary('password')}@db.internal:6432/hr?sslmode=require&password=${canary('query')}&sslkey=${canary('key')}`,
  schema: 'tickets',
  migrate: 'check',
  nodeTypes: ['web'],
  http: { host: '0.0.0.0', port: 8080, basePath: '/integration' },
  auth: {
    jwt: [
      {
        issuer: 'https://login.example.com',
        audience: 'coatcheck',
        jwksUri: `https://keys.example.com/jwks?code=${canary('jwks')}`,
        algorithms: ['RS256'],
        rolesClaim: 'roles',
      },
    ],
    rate: { quota: 1_000, window: '1 minute' },
  },
  operate: {
    url: 'https://coatcheck.example.com',
    issuers: [
      {
        issuer: 'https://login.example.com',
        clientId: 'console',
        clientSecret: canary('client'),
        name: 'Example',
        rolesClaim: 'groups',
        roles: { ops: 'operator' },
      },
    ],
  },
  name: 'blue',
  maxUnsettled: 1_000,
  stopTimeout: '90s',
  callbacks: { secrets: [secret('new'), secret('old')], allowHosts: ['erp.internal'], timeout: '5s' },
  log: { level: 'debug', info() {}, warn() {}, error() {}, key: canary('log') } as NonNullable<
    NodeOptions['log']
  >,
  preparedStatements: false,
}

/** Options by name: `[value, isSet]`. */
function settingsOf(options: NodeOptions) {
  return new Map(checkOptions(options).settings.map(({ name, value, isSet }) => [name, [value, isSet]]))
}

test('every option is told in words, and whether it was set', () => {
  const shown = settingsOf(full)
  for (const [name, value] of [
    ['database', 'postgres://ada:•••@db.internal:6432/hr?sslmode=require&password=•••&sslkey=•••'],
    ['schema', 'tickets'],
    ['migrate', 'check'],
    ['preparedStatements', 'false'],
    ['nodeTypes', 'web'],
    ['http.host', '0.0.0.0'],
    ['http.port', '8080'],
    ['http.basePath', '/integration'],
    ['auth.jwt[0].issuer', 'https://login.example.com/'],
    ['auth.jwt[0].jwksUri', 'https://keys.example.com/jwks?code=•••'],
    ['auth.jwt[0].algorithms', 'RS256'],
    ['auth.rate', '1,000 requests in 1 min'],
    ['operate.issuers[0].clientSecret', '•••'],
    ['operate.issuers[0].roles', 'ops: operator'],
    ['operate.url', 'https://coatcheck.example.com'],
    ['name', 'blue'],
    ['maxUnsettled', '1,000'],
    ['stopTimeout', '90 s'],
    ['callbacks.secrets', '•••, •••'],
    ['callbacks.allowHosts', 'erp.internal'],
    ['callbacks.timeout', '5 s'],
    ['log', 'a logger of yours'],
    ['level of the logger', 'debug'],
  ] as const)
    assert.deepEqual(shown.get(name), [value, true], name)
  for (const [name, value] of [
    ['listen', 'as preparedStatements: false'],
    ['auth.apiKeys', 'true'],
    ['auth.jwt[0].accessGroupClaim', 'no access group'],
    ['callbacks.maxBody', '256 kB'],
    ['operate.issuers[0].scope', 'openid profile email'],
    ['operate.issuers[0].id', 'example'],
  ] as const)
    assert.deepEqual(shown.get(name), [value, false], name)
})

test('what was left out reads as its default, and what has no effect is left out', () => {
  const shown = settingsOf({ applications: [hr] })
  for (const [name, value] of [
    ['database', 'embedded'],
    ['directory', '.coatcheck/data'],
    ['schema', 'coatcheck'],
    ['nodeTypes', 'web, background'],
    ['http.host', '127.0.0.1'],
    ['auth', 'this machine alone, without credentials'],
    ['callbacks', 'nobody can ask for them'],
    ['maxUnsettled', '500'],
    ['stopTimeout', '30 s'],
  ] as const)
    assert.deepEqual(shown.get(name), [value, false], name)
  for (const name of ['preparedStatements', 'listen', 'auth.apiKeys', 'callbacks.timeout'])
    assert.ok(!shown.has(name), name)
  const worker = settingsOf({ applications: [hr], nodeTypes: ['background'], log: false })
  assert.ok(!worker.has('http.port'))
  assert.deepEqual(worker.get('log'), ['none', true])
  assert.deepEqual(settingsOf({ applications: [hr], http: false }).get('http'), ['listens nowhere', true])
})

test('no secret is told, however it was given', () => {
  const pool = (options: object) =>
    ({ connect() {}, on() {}, options }) as unknown as NonNullable<NodeOptions['database']>
  const given: NodeOptions[] = [
    full,
    { ...full, database: `postgresql://:${canary('password')}@h/db` },
    { ...full, database: pool({ host: 'h', port: 1, user: 'u', database: 'd', password: canary('pool') }) },
    { ...full, database: pool({ connectionString: `postgres://u:${canary('pool')}@h/d` }) },
    { ...full, database: pool({ connectionString: canary('no-url') }) },
  ]
  for (const options of given) {
    const text = JSON.stringify(checkOptions(options).settings)
    assert.ok(!text.includes('canary'), text)
    // nor as the secret is written
    for (const place of ['new', 'old']) assert.ok(!text.includes(secret(place).slice(6, 20)))
  }
  assert.deepEqual(settingsOf(given[2] as NodeOptions).get('database'), ['a pg pool of u@h:1/d', true])
})

test('the settings of a node come with its database and its migrations, and without a secret', async (t) => {
  const place = await freshPlace()
  const { callbacks, operate } = full
  const options = { place, ...(callbacks && { callbacks }), ...(operate && { operate }) }
  const { node } = await setupOperate(t, options)
  const ask = await askAs(node, 'observer')
  const { status, body } = await ask('GET', '/settings')
  assert.equal(status, 200)
  const shown = new Map(
    body.settings.map(({ name, variants }: { name: string; variants: { value: string }[] }) => [
      name,
      variants.map(({ value }) => value),
    ]),
  )
  assert.deepEqual(shown.get('schema'), [place.schema])
  assert.deepEqual(shown.get('url'), [node.url])
  assert.deepEqual(shown.get('operate.issuers[0].clientSecret'), ['•••'])
  assert.equal(body.isSameOnAll, true)
  const known = await readMigrations()
  assert.deepEqual(
    body.migrations.map(({ name }: { name: string }) => name),
    known.map(({ name }) => name),
  )
  assert.equal(body.migrationsKnown, known.length)
  const { kind, isDurable, losses, schema, version } = body.database
  assert.equal(schema, place.schema)
  assert.match(version, /^\d+/)
  const isEmbedded = testDatabase().url === undefined
  assert.equal(kind, isEmbedded ? 'pglite' : 'postgres')
  assert.equal(isDurable, losses.length === 0)
  if (isEmbedded) assert.match(losses[0], /not one of the machine/)
  // What is in the tables is read by whoever reads the tables.
  const { figures } = engineOf(node)
  await waitUntil('it has told', 20_000, async () => {
    figures.forget()
    return (await node.query(`select 1 from ${place.schema}.node_description`)).rows.length > 0
  })
  const { rows } = await node.query(`select d::text as said from ${place.schema}.node_description d`)
  const everything = JSON.stringify([body, rows])
  assert.ok(!everything.includes('canary'))
  const password = URL.canParse(place.database) ? new URL(place.database).password : ''
  if (password.length > 3) assert.ok(!everything.includes(`:${password}@`))
})

test('where nodes differ in an option each of them is named, but not for what is its own', async (t) => {
  const place = await freshPlace()
  const { node } = await setupOperate(t, { place, name: 'one' })
  const ask = await askAs(node, 'observer')
  const read = async (count: number) => {
    let body
    await waitUntil(`${count} nodes have told`, 20_000, async () => {
      engineOf(node).figures.forget()
      body = (await ask('GET', '/settings')).body
      return body.nodes.filter((one: { hasTold: boolean }) => one.hasTold).length === count
    })
    // oxlint-disable-next-line typescript/no-explicit-any -- what is in it is what the test looks at
    return body as any
  }
  const like = { applications: [hr], ...place, log: false, http: { port: 0 } } as const
  const same = await createTestNode({ ...like, name: 'two', stopTimeout: '1 second' })
  t.after(() => same.stop())
  const two = await read(2)
  assert.equal(two.isSameOnAll, true)
  const variants = (body: typeof two, name: string) =>
    body.settings
      .find((one: { name: string }) => one.name === name)
      .variants.map(({ nodes, value }: Record<string, unknown>) => [nodes, value])
  assert.deepEqual(variants(two, 'name'), [
    [[node.id], 'one'],
    [[same.id], 'two'],
  ])
  const other = await createTestNode({ ...like, name: 'three', maxUnsettled: 7, stopTimeout: '1 second' })
  t.after(() => other.stop())
  const three = await read(3)
  assert.equal(three.isSameOnAll, false)
  assert.deepEqual(variants(three, 'maxUnsettled'), [
    [[node.id, same.id], '500'],
    [[other.id], '7'],
  ])
})
