import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { CoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { Node } from '../../src/node.ts'
import { setup, type Place } from './setup.ts'

const ran: unknown[] = []
const process = (input: unknown) => void ran.push(input)
const hire = defineQueueProcessor({
  name: 'hire-worker',
  input: z.object({ id: z.string(), address: z.object({ zip: z.string() }).optional() }),
  key: ({ id }) => id,
  process,
})
const take = defineQueueProcessor({ name: 'take-anything', input: z.any(), process })
const little = defineQueueProcessor({ name: 'take-little', input: z.any(), maxPayload: 100, process })
const keyed = defineQueueProcessor({
  name: 'keyed',
  input: z.any(),
  key: (input) => input.key,
  process,
})
const throwing = defineQueueProcessor({
  name: 'throwing-key',
  input: z.any(),
  key: () => {
    throw new Error('no key today')
  },
  process,
})
const definitions = [hire, take, little, keyed, throwing]

/** Arrays within arrays, as text. */
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const cycle: { self?: unknown } = {}
cycle.self = { again: cycle }

/** What it is, the name of who is to take it, the payload, the code of the refusal, and what its sentence says. */
const refused: [string, (typeof definitions)[number], unknown, string, RegExp][] = [
  ['a misfit', hire, { id: 7, address: {} }, 'PAYLOAD_INVALID', /hire-worker .*\/id: .*; \/address\/zip: /],
  ['a megabyte', take, 'x'.repeat(1_048_576), 'PAYLOAD_TOO_LARGE', /1,048,578 bytes .* 1,048,576 bytes/],
  [
    'over maxPayload',
    little,
    'é'.repeat(50),
    'PAYLOAD_TOO_LARGE',
    /102 bytes .* 100 bytes; raise maxPayload/,
  ],
  ['a surrogate', take, { a: ['\ud800'] }, 'PAYLOAD_INVALID', /lone surrogate in a string.* \/a\/0/],
  ['a surrogate in a key', take, { '\ud800': 1 }, 'PAYLOAD_INVALID', /lone surrogate in a key/],
  ['20,000 levels', take, JSON.parse(nested(20_000)), 'PAYLOAD_TOO_DEEP', /over 512 levels/],
  ['513 levels', take, JSON.parse(nested(513)), 'PAYLOAD_TOO_DEEP', /over 512 levels/],
  [
    '__proto__',
    take,
    JSON.parse('[{"__proto__":{}}]'),
    'PAYLOAD_INVALID',
    /the key "__proto__" .*\/0\/__proto__/,
  ],
  ['NUL', take, { a: 'b\0c' }, 'PAYLOAD_INVALID', /NUL character .* in a string at \/a/],
  ['NUL in a key', take, { 'b\0c': 1 }, 'PAYLOAD_INVALID', /NUL character .* in a key/],
  ['a BigInt', take, { amount: [12n] }, 'PAYLOAD_NOT_JSON', /BigInt 12n at \/amount\/0/],
  ['a cycle', take, cycle, 'PAYLOAD_NOT_JSON', /refers back to itself at \/self\/again/],
  ['undefined', take, undefined, 'PAYLOAD_NOT_JSON', /is undefined, which JSON cannot hold/],
  ['a function', take, () => 1, 'PAYLOAD_NOT_JSON', /which JSON cannot hold/],
  ['a key of 10 kB', keyed, { key: 'k'.repeat(10_000) }, 'KEY_INVALID', /"kkk.*10,000 bytes.* 1,024 bytes/],
  ['an empty key', keyed, { key: '' }, 'KEY_INVALID', /is empty/],
  ['no key', keyed, {}, 'KEY_INVALID', /key of keyed is undefined/],
  ['an object as key', keyed, { key: { a: 1 } }, 'KEY_INVALID', /give a string, a finite number or a bigint/],
  ['a key that throws', throwing, 1, 'KEY_INVALID', /key of throwing-key threw: no key today/],
]

async function stored(node: Node, { schema }: Place): Promise<unknown> {
  const { rows } = await node.query(
    `select (select count(*)::int from ${schema}.log) as log, (select count(*)::int from ${schema}.waiting_item) as waiting`,
  )
  return rows[0]
}

const nothing = { log: 0, waiting: 0 }

test('what cannot be taken is refused with its place, and nothing is stored', async (t) => {
  const node = await setup(t, definitions, { start: false })
  for (const [name, target, payload, code, says] of refused)
    await t.test(name, async () => {
      const refusal = refusalOf(code, says)
      await assert.rejects(node.enqueue(target, payload as never), refusal)
      await assert.rejects(node.enqueue(target, payload as never, { delay: '1h' }), refusal)
      await assert.rejects(node.enqueue(target, payload as never, { uniqueKey: name }), refusal)
      await node.transaction((tx) => assert.rejects(node.enqueue(target, payload as never, { tx }), refusal))
      assert.deepEqual(await stored(node, node.place), nothing)
    })
})

test('one bad among a hundred: none is taken, and it is named', async (t) => {
  const node = await setup(t, definitions, { start: false })
  for (const [name, target, payload, code, says] of refused) {
    const good = target === hire ? { id: '1' } : { key: 'k' }
    if (target === throwing) continue
    await t.test(name, async () => {
      const many = Array.from({ length: 100 }, (_, at) => (at === 57 ? payload : good)) as never[]
      const refusal = (error: unknown) => {
        refusalOf(code, says)(error)
        assert.match((error as Error).message, /^item 57: .*; nothing was accepted$/s)
        for (const { pointer } of (error as CoatcheckError).errors ?? []) assert.match(pointer, /^\/57/)
        return true
      }
      await assert.rejects(node.enqueueMany(target, many), refusal)
      await assert.rejects(node.enqueueMany(target, many, { delay: '1h' }), refusal)
      await node.transaction((tx) => assert.rejects(node.enqueueMany(target, many, { tx }), refusal))
      assert.deepEqual(await stored(node, node.place), nothing)
    })
  }
  await assert.rejects(
    node.enqueueMany(take, 'many' as never),
    refusalOf('OPTION_INVALID', /inputs is "many"/),
  )
  assert.deepEqual(await node.enqueueMany(take, []), [])
})

test('an unknown processor is refused, with the one that was meant', async (t) => {
  const node = await setup(t, definitions, { start: false })
  for (const [target, says] of [
    [
      { kind: 'queue-processor', name: 'hire-wroker' },
      /no queue processor "hire-wroker" .*did you mean "hire-worker"/,
    ],
    [{ kind: 'service', name: 'hire-worker' }, /no service "hire-worker"/],
  ] as const) {
    await assert.rejects(node.enqueue(target as never, {}), refusalOf('UNKNOWN_PROCESSOR', says))
    await assert.rejects(node.enqueueMany(target as never, [{}]), refusalOf('UNKNOWN_PROCESSOR', says))
  }
  // a name, or what a circular import leaves, is no definition
  for (const [target, says] of [
    ['hire-worker', /is "hire-worker"; give the definition itself/],
    [undefined, /is undefined; give the definition itself/],
  ] as const)
    await assert.rejects(node.enqueue(target as never, {}), refusalOf('OPTION_INVALID', says))
})

test('what is at the limit is taken and runs', async (t) => {
  const node = await setup(t, definitions)
  ran.length = 0
  const payloads = [
    'x'.repeat(1_048_574),
    JSON.parse(nested(512)),
    '\\u0000 "__proto__": \\ud800',
    { '': null, 'ключ"\\': ['😀', '\u2028', '\u{7f}'] },
    null,
    0,
    -0.5e-7,
    '',
  ]
  const ids = await node.enqueueMany(take, payloads)
  const key = 'é'.repeat(512)
  const last = await node.enqueue(keyed, { key })
  await node.drain()
  assert.equal((await node.item(last))?.key, key)
  assert.deepEqual(
    new Set(ran.map((input) => JSON.stringify(input))),
    new Set([...payloads, { key }].map((input) => JSON.stringify(input))),
  )
  for (const [at, id] of ids.entries()) assert.deepEqual((await node.item(id))?.input, payloads[at])
})

/** SQL refuses what a payload cannot be whatever the schema; JSON text is all that it can be given. */
const refusedInSql: [string, string, string | null, string | null, string, RegExp][] = [
  [
    'a megabyte',
    'take-anything',
    `"${'x'.repeat(1_048_576)}"`,
    null,
    'CC011',
    /1048578 bytes; the limit is 1048576/,
  ],
  [
    'over maxPayload',
    'take-little',
    JSON.stringify('é'.repeat(50)),
    null,
    'CC011',
    /102 bytes; the limit is 100/,
  ],
  ['null', 'take-anything', null, null, 'CC011', /is null/],
  ['no JSON', 'take-anything', '{"a":', null, 'CC011', /cannot be stored as JSON .*: \{"a":/],
  ['a lone surrogate', 'take-anything', '["\\ud800"]', null, 'CC011', /surrogate must/],
  ['NUL', 'take-anything', '{"a":"b\\u0000"}', null, 'CC011', /cannot be stored/],
  ['NUL in a key', 'take-anything', '{"\\u0000":1}', null, 'CC011', /cannot be stored/],
  ['__proto__', 'take-anything', '[{"__proto__" : {}}]', null, 'CC011', /a member "__proto__"/],
  ['__proto__, escaped', 'take-anything', '[{"_\\u005fproto__":{}}]', null, 'CC011', /a member "__proto__"/],
  ['20,000 levels', 'take-anything', nested(20_000), null, 'CC011', /cannot be stored|levels/],
  ['513 levels', 'take-anything', nested(513), null, 'CC011', /levels/],
  ['a number beyond all', 'take-anything', '1e1000000', null, 'CC011', /cannot be stored/],
  ['a key of 10 kB', 'keyed', '{}', 'k'.repeat(10_000), 'CC012', /10000 bytes; it must have 1 to 1024/],
  ['an empty key', 'keyed', '{}', '', 'CC012', /0 bytes/],
  ['no key', 'keyed', '{}', null, 'CC012', /is null, but its definition has a key/],
]

test('SQL refuses what the node refuses', async (t) => {
  const node = await setup(t, definitions, { start: false })
  const { schema } = node.place
  for (const [name, processor, payload, key, code, says] of refusedInSql)
    await t.test(name, async () => {
      await assert.rejects(
        node.query(`select ${schema}.enqueue($1, $2::text, $3)`, [processor, payload, key]),
        (error: Error & { code: string }) => {
          assert.equal(error.code, code, error.message)
          assert.match(error.message, says)
          assert.ok(error.message.length < 400, error.message)
          return true
        },
      )
      assert.deepEqual(await stored(node, node.place), nothing)
    })
})

function refusalOf(code: string, says: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof CoatcheckError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    assert.ok(error.message.length < 1000, 'a sentence, not the payload')
    return true
  }
}
