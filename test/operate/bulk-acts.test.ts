import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditOf, pay, setupItems, tell } from './item-setup.ts'

/** The lines of an act in bulk. */
async function linesOf(answer: Response): Promise<Record<string, unknown>[]> {
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/x-ndjson')
  const text = await answer.text()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test(
  'many items are acted on at once, which tells how far it is and stands in the audit once',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask, raw, list } = await setupItems(t)
    const broken = await node.enqueueMany(
      pay,
      Array.from({ length: 620 }, (_, at) => ({ employee: `e-${at}`, what: 'reject' })),
    )
    const fine = await node.enqueue(tell, { text: 'x' })
    await node.drain()
    const filter = { processor: ['pay'][0], text: 'bank knows no' }
    const preview = await ask('operator', '/items/preview', { act: 'remove', filter })
    assert.deepEqual(preview.body, { count: 620, isAtLeast: false })
    const lines = await linesOf(
      await raw('operator', '/items/acts', { act: 'remove', filter, reason: 'old', limit: 600 }),
    )
    const last = lines.at(-1)!
    assert.deepEqual(
      [last['done'], last['items'], last['applied'], last['refused'], last['pending'], last['hasMore']],
      [true, 600, 600, 0, 0, true],
    )
    for (const line of lines.slice(0, -1))
      assert.deepEqual(Object.keys(line).toSorted(), ['applied', 'items', 'pending', 'refused'])
    assert.ok(lines.length > 1)
    assert.equal((await list('state=broken&limit=200')).length, 20)
    assert.equal((await node.item(broken[0]!))?.state, 'cancelled')
    assert.equal((await node.item(fine))?.state, 'succeeded')
    const audited = await auditOf(ask, 'bulk.remove')
    assert.equal(audited.length, 1)
    // What was looked for may have been a secret: its items have some.
    assert.deepEqual(audited[0]!['before'], { filter: { ...filter, text: '•••' } })
    assert.equal((audited[0]!['after'] as { applied: number }).applied, 600)
    assert.equal(audited[0]!['reason'], 'old')
    assert.equal((await auditOf(ask, 'remove')).length, 0)
  },
)

test(
  'broken items are driven again slowly at first, and their end is told',
  { timeout: 60_000 },
  async (t) => {
    const { node, raw } = await setupItems(t)
    const inputs = Array.from({ length: 30 }, (_, at) => ({ employee: `e-${at}`, what: 'reject' }))
    const ids = await node.enqueueMany(pay, inputs)
    await node.drain()
    // They break again: the first wave says so.
    const lines = await linesOf(
      await raw('operator', '/items/acts', { act: 'redrive', filter: { state: 'broken' } }),
    )
    const last = lines.at(-1)!
    assert.deepEqual([last['done'], last['stopped'], last['waves']], [true, 'failing', [10]])
    assert.equal((await node.item(ids[29]!))?.state, 'broken')
  },
)

test(
  'a client that leaves ends an act in bulk, and the audit says how far it came',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask, raw } = await setupItems(t)
    await node.enqueueMany(
      pay,
      Array.from({ length: 1_800 }, (_, at) => ({ employee: `e-${at}` })),
      { delay: '1 day' },
    )
    const answer = await raw('operator', '/items/acts', { act: 'cancel', filter: { state: 'scheduled' } })
    const reader = answer.body!.getReader()
    const first = JSON.parse(new TextDecoder().decode((await reader.read()).value)) as { items: number }
    assert.equal(first.items, 500)
    await reader.cancel()
    let audited = await auditOf(ask, 'bulk.cancel')
    while (audited.length === 0) audited = await auditOf(ask, 'bulk.cancel')
    const [begun] = await auditOf(ask, 'bulk.cancel.begun')
    assert.deepEqual(begun?.['before'], { filter: { state: ['scheduled'] } })
    const { items, hasMore } = audited[0]!['after'] as { items: number; hasMore: boolean }
    assert.ok(items < 1_800 && hasMore, `${items}`)
  },
)

test('the audit keeps what was looked for where nothing can be secret', { timeout: 60_000 }, async (t) => {
  const { node, ask, raw } = await setupItems(t)
  await node.enqueueMany(tell, [{ text: 'abc' }, { text: 'abd' }], { delay: '1 day' })
  await node.enqueue(pay, { employee: 'ada' }, { delay: '1 day' })
  for (const [filter, kept] of [
    [
      { processor: 'tell', text: 'abc' },
      { processor: 'tell', text: 'abc' },
    ],
    [{ text: 'abd' }, { text: '•••' }],
    [
      { processor: 'pay', key: 'ada', keyPrefix: 'a' },
      { processor: 'pay', key: '•••', keyPrefix: '•••' },
    ],
    [
      { processor: 'gone', text: 'abd' },
      { processor: 'gone', text: '•••' },
    ],
    [
      { application: 'test', errorCode: 'X' },
      { application: 'test', errorCode: 'X' },
    ],
  ]) {
    await linesOf(await raw('operator', '/items/acts', { act: 'cancel', filter }))
    for (const act of ['bulk.cancel.begun', 'bulk.cancel'])
      assert.deepEqual((await auditOf(ask, act))[0]!['before'], { filter: kept })
  }
})

test('an act in bulk says which items are meant', { timeout: 60_000 }, async (t) => {
  const { ask } = await setupItems(t)
  for (const body of [
    { act: 'cancel', filter: {} },
    { act: 'cancel' },
    { act: 'edit', filter: { state: 'broken' } },
    { act: 'cancel', filter: { state: 'broken' }, until: new Date() },
    { act: 'cancel', filter: { state: 'broken' }, limit: 0 },
    { act: 'cancel', filter: { stat: 'broken' } },
  ]) {
    const { status, body: said } = await ask('operator', '/items/acts', body)
    assert.deepEqual([status, said['code']], [422, 'REQUEST_INVALID'], JSON.stringify(body))
  }
  for (const path of ['/items/acts', '/items/preview'])
    assert.equal((await ask('observer', path, { act: 'cancel', filter: { state: 'broken' } })).status, 403)
  const nothing = await ask('operator', '/items/preview', { act: 'skip', filter: { state: 'succeeded' } })
  assert.deepEqual(nothing.body, { count: 0, isAtLeast: false })
})
