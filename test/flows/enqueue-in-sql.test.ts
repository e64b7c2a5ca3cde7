import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, defineService } from '../../src/define/define.ts'
import { OrderWatch } from './order-watch.ts'
import { setup } from './setup.ts'

async function setUp(t: TestContext) {
  const ran: unknown[] = []
  const watch = new OrderWatch()
  const process = (input: unknown) => void ran.push(input)
  const plain = defineQueueProcessor({ name: 'plain', input: z.any(), process })
  const keyed = defineQueueProcessor({
    name: 'keyed',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    process: ({ key, n }) => watch.run(key, n),
  })
  const greet = defineService({
    name: 'greet',
    input: z.object({ name: z.string() }),
    output: z.string(),
    execution: 'queue',
    run: ({ name }) => `hello ${name}`,
  })
  const node = await setup(t, [plain, keyed, greet])
  const { schema } = node.place
  const enqueue = async (call: string, values: unknown[] = []): Promise<string> => {
    const { rows } = await node.query(`select ${schema}.enqueue(${call}) as id`, values)
    return rows[0].id
  }
  return { node, schema, enqueue, ran, watch, keyed, plain }
}

test('text, json and jsonb; the id is that of the item', async (t) => {
  const { node, enqueue, ran } = await setUp(t)
  const ids = [
    await enqueue(`'plain', '{"a": "text"}'`),
    await enqueue(`'plain', '{"a": "json"}'::json`),
    await enqueue(`'plain', '{"a": "jsonb"}'::jsonb`),
    await enqueue(`'plain', jsonb_build_object('a', 'built')`),
    await enqueue(`'plain', to_jsonb(array[1, 2])`),
    await enqueue(`processor => 'plain', payload => $1`, ['"quotes \\" and \\\\ and \\n ünïcødé 😀"']),
  ]
  await node.drain()
  assert.deepEqual(
    new Set(ran.map((input) => JSON.stringify(input))),
    new Set([
      '{"a":"text"}',
      '{"a":"json"}',
      '{"a":"jsonb"}',
      '{"a":"built"}',
      '[1,2]',
      String.raw`"quotes \" and \\ and \n ünïcødé 😀"`,
    ]),
  )
  for (const id of ids) {
    const item = await node.item(id)
    assert.equal(item?.state, 'succeeded')
    assert.equal(item.processor, 'plain')
    assert.equal(item.key, null)
    assert.ok(Math.abs(item.enqueuedAt.getTime() - (await node.now()).getTime()) < 60_000)
  }
})

test('with a key: the partition and the order are those of code', async (t) => {
  const { node, enqueue, watch, keyed, schema } = await setUp(t)
  const keys = ['a', 'ключ', '😀"\\', 'x'.repeat(1024)]
  const ids: string[] = []
  for (let n = 0; n < 24; n++)
    for (const key of keys)
      ids.push(
        n % 2 === 0
          ? await node.enqueue(keyed, { key, n })
          : await enqueue(`'keyed', $1::jsonb, $2`, [JSON.stringify({ key, n }), key]),
      )
  await node.drain()
  watch.assertRan(new Map(keys.map((key) => [key, Array.from({ length: 24 }, (_, n) => n)])))
  // Character 15 to 17 of an id are its partition.
  const places = new Map(
    keys.map((key, at) => [key, new Set(ids.filter((_, of) => of % 4 === at).map((id) => id.slice(15, 18)))]),
  )
  for (const [key, partitions] of places) assert.equal(partitions.size, 1, key)
  const { rows } = await node.query(`select count(*)::int as open from ${schema}.waiting_item`)
  assert.equal(rows[0].open, 0)
})

test('delay and at', async (t) => {
  const { node, enqueue, ran } = await setUp(t)
  const inTen = await enqueue(`'plain', '"delay"', delay => '10 minutes'`)
  const at = new Date((await node.now()).getTime() + 3_600_000)
  const atTime = await enqueue(`'plain', '"at"', at => $1`, [at])
  await enqueue(`'plain', '"past"', at => '2001-01-01'`)
  await enqueue(`'plain', '"none"', delay => '0'`)
  await node.drain()
  assert.deepEqual(new Set(ran), new Set(['none', 'past']))
  assert.equal((await node.item(inTen))?.state, 'scheduled')
  assert.equal((await node.item(atTime))?.dueAt?.getTime(), at.getTime())
  await node.advance('11 minutes')
  await node.drain()
  assert.deepEqual(ran.slice(2), ['delay'])
  await node.advance('50 minutes')
  await node.drain()
  assert.deepEqual(ran.slice(3), ['at'])
  assert.equal((await node.item(atTime))?.state, 'succeeded')
})

test('a service, and a payload that does not fit its schema', async (t) => {
  const { node, enqueue } = await setUp(t)
  const good = await enqueue(`'service:greet', '{"name": "Ada"}'`)
  const bad = await enqueue(`'keyed', '{"key": "k", "n": "one"}', 'k'`)
  await node.drain()
  assert.equal(await node.result(good), 'hello Ada')
  const item = await node.item(bad)
  assert.equal(item?.state, 'broken')
  assert.equal(item.error?.code, 'PAYLOAD_NO_LONGER_FITS')
  assert.equal(item.attempts, 1)
})

test('from a trigger: with the commit, not with the rollback', async (t) => {
  const { node, schema, watch } = await setUp(t)
  await node.query(`create table ${schema}.worker (id text, n int)`)
  await node.query(`
    create function ${schema}.hire() returns trigger language plpgsql as $$
    begin
      perform ${schema}.enqueue('keyed', jsonb_build_object('key', new.id, 'n', new.n), new.id);
      return new;
    end $$`)
  await node.query(
    `create trigger hire after insert on ${schema}.worker for each row execute function ${schema}.hire()`,
  )
  await node.query(`insert into ${schema}.worker select 'w' || (n % 3), n from generate_series(0, 29) as n`)
  await assert.rejects(
    node.transaction(async (tx) => {
      await tx.query(`insert into ${schema}.worker values ('undone', 1)`)
      throw new Error('undo')
    }),
    /undo/,
  )
  // A trigger that is refused takes the insert along.
  await assert.rejects(node.query(`insert into ${schema}.worker values ('', 1)`), { code: 'CC012' })
  await node.drain()
  watch.assertRan(new Map([0, 1, 2].map((w) => [`w${w}`, Array.from({ length: 10 }, (_, at) => at * 3 + w)])))
  const { rows } = await node.query(`select count(*)::int as workers from ${schema}.worker`)
  assert.equal(rows[0].workers, 30)
})

test('what is refused says why and what to do', async (t) => {
  const { node, enqueue } = await setUp(t)
  const refused: [string, string, RegExp, RegExp][] = [
    [`'palin', '1'`, 'CC010', /no queue processor "palin"/, /select id from .*\.definition/],
    [`'greet', '1'`, 'CC010', /no queue processor "greet"/, /service: before/],
    [`null, '1'`, 'CC010', /no queue processor/, /definition/],
    [`'plain', null::text`, 'CC011', /"plain" is null/, /Give JSON as text/],
    [`'plain', 'Ada'`, 'CC011', /cannot be stored as JSON .*: Ada/, /Give JSON/],
    [`'plain', to_json(repeat('x', 1048576))`, 'CC011', /1048578 bytes; the limit is 1048576/, /maxPayload/],
    [`'plain', '{"__proto__":1}'`, 'CC011', /a member "__proto__"/, /members "__proto__"/],
    [`'plain', repeat('[', 600) || repeat(']', 600)`, 'CC011', /over 512 levels/, /Flatten/],
    [`'keyed', '{}'`, 'CC012', /its definition has a key/, /third argument/],
    [`'keyed', '{}', ''`, 'CC012', /0 bytes; it must have 1 to 1024/, /hash a longer one/],
    [`'keyed', '{}', repeat('é', 513)`, 'CC012', /1026 bytes/, /hash a longer one/],
    [`'plain', '1', delay => '1s', at => now()`, 'CC013', /both delay and at/, /one of them/],
    [`'plain', '1', at => 'infinity'`, 'CC013', /at infinity is too far away/, /years 1 to 9999/],
    [`'plain', '1', delay => '200 years'`, 'CC013', /the delay 200 years is too far/, /36500 days/],
  ]
  for (const [call, code, message, hint] of refused)
    await assert.rejects(enqueue(call), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, code, `${call}: ${error.message}`)
      assert.match(error.message, message)
      assert.match(error.hint, hint)
      return true
    })
  assert.deepEqual(await node.items(), [])
})
