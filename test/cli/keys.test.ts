import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showKeys } from '../../src/cli/keys.ts'
import { readApiKey } from '../../src/http/api-key.ts'
import { apiKeysOf } from '../../src/http/api-keys.ts'
import { openDatabase } from '../../src/store/database.ts'
import { readAudit } from '../../src/store/operator-audit.ts'
import { declareDefinitions } from '../../src/store/topology.ts'
import { databaseFlags, isEmbedded, runCommand } from './command.ts'

test('a key is made, listed without its secret, and revoked', async () => {
  const flags = await databaseFlags()
  const [name = '', place = ''] = flags
  const open = () =>
    openDatabase(name === '--directory' ? { database: 'embedded', directory: place } : { database: place })
  const early = await runCommand('keys', 'create', '--name', 'payroll', ...flags)
  assert.equal(early.code, 1)
  assert.match(early.err, /There is no embedded database in|Run "coatcheck migrate"/)
  await (await open()).driver.close()
  const options =
    '--service hr/hire --service hr/ask --role operator --access-group hr --expires 90d --rate 100/1m'
  const made = await runCommand('keys', 'create', '--name', 'payroll', ...options.split(' '), ...flags)
  assert.equal(made.code, 0, made.err)
  assert.match(made.err, /the only time that the key is shown/)
  // the key alone, as a variable takes it
  const key = readApiKey(made.out.trim())
  assert.ok(key)
  const database = await open()
  const [kept, ...others] = await apiKeysOf(database).list()
  const audit = await readAudit(database.driver, database.schema, {}, { after: undefined, limit: 10 })
  await database.driver.close()
  assert.deepEqual(others, [])
  assert.ok(kept)
  assert.deepEqual(
    audit.map(({ act, subjectId, via }) => [act, subjectId, via]),
    [['api-key.create', key.id, 'cli']],
  )
  assert.ok(!audit[0]?.after?.includes(key.secret))
  const { createdAt, expiresAt, ...rest } = kept
  assert.deepEqual(rest, {
    id: key.id,
    name: 'payroll',
    roles: ['operator'],
    services: ['hr/hire', 'hr/ask'],
    accessGroup: 'hr',
    rate: { quota: 100, windowMs: 60_000 },
    state: 'active',
  })
  assert.equal((expiresAt?.getTime() ?? 0) - createdAt.getTime(), 90 * 86_400_000)
  // each command opens the embedded database anew, which takes its time
  if (isEmbedded) return
  const revoked = await runCommand('keys', 'revoke', key.id, ...flags)
  assert.equal(revoked.code, 0)
  const listed = await runCommand('keys', 'list', '--json', ...flags)
  const [entry] = JSON.parse(listed.out) as Record<string, string>[]
  assert.equal(entry?.['id'], key.id)
  assert.equal(entry['state'], 'revoked')
  assert.ok(!listed.out.includes(key.secret))
})

test('a key for a service that nobody knows is refused', { skip: isEmbedded }, async () => {
  const flags = await databaseFlags()
  const database = await openDatabase({ database: flags[1] })
  const create = (...services: string[]) =>
    runCommand('keys', 'create', '--name', 'x', ...services.flatMap((name) => ['--service', name]), ...flags)
  const early = await create('hr/hire')
  assert.equal(early.code, 0, early.err)
  assert.match(early.err, /whether hr\/hire will be one could not be checked/)
  const row = { application: 'hr', queue: 'standard', partitions: 1, keyed: false, maxPayload: 1_000 }
  await declareDefinitions(
    database.driver,
    database.schema,
    ['service:hire', 'service:ask', 'provision'].map((id) => ({ ...row, id })),
  )
  for (const [name, said] of [
    ['hr/hrie', /--service is "hr\/hrie", .* did you mean hr\/hire\?/],
    ['hr/provision', /--service is "hr\/provision", .* the services are hr\/ask, hr\/hire\./],
    ['hire', /"hire" is no application\/service/],
  ] as const) {
    const refused = await create('hr/ask', name)
    assert.equal(refused.code, 1)
    assert.match(refused.err, said)
  }
  assert.equal((await create('hr/ask', 'hr/hire')).code, 0)
  const names = (await apiKeysOf(database).list()).map(({ services }) => services)
  await database.driver.close()
  assert.deepEqual(names, [['hr/hire'], ['hr/ask', 'hr/hire']])
})

test('keys are shown as a table, whatever their names hold', () => {
  const shown = showKeys([
    {
      id: '7Jx0kQ2mVb9A',
      name: 'pay\u{1b}[2Jroll',
      roles: ['operator', 'payroll'],
      services: ['hr/hire', 'hr/ask'],
      state: 'active',
      createdAt: new Date('2026-01-31T12:00:00Z'),
      expiresAt: new Date('2026-04-30T12:00:00Z'),
    },
    {
      id: '8Jx0kQ2mVb9A',
      name: 'crm',
      roles: [],
      accessGroup: 'sales',
      state: 'revoked',
      createdAt: new Date('2026-01-31T12:00:00Z'),
      lastUsedAt: new Date('2026-02-01T09:30:10Z'),
    },
  ])
  assert.deepEqual(
    shown.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | ')),
    [
      'id | name | state | roles | services | access group | expires | last used',
      '7Jx0kQ2mVb9A | pay\u{fffd}[2Jroll | active | operator payroll | hr/hire hr/ask | - | 2026-04-30 | never',
      '8Jx0kQ2mVb9A | crm | revoked | - | all | sales | never | 2026-02-01T09:30Z',
    ],
  )
})

test('wrong usage of a key is told in a sentence', async () => {
  const nameless = await runCommand('keys', 'create')
  assert.equal(nameless.code, 2)
  assert.match(nameless.err, /required option '--name <text>' not specified/)
  const rate = await runCommand('keys', 'create', '--name', 'x', '--rate', 'much')
  assert.equal(rate.code, 2)
  assert.match(rate.err, /Write requests per time, such as 100\/1m/)
})
