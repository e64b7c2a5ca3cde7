import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hire, pay, setupItems, tell } from './item-setup.ts'

test('items are listed by each filter, the newest first, page by page', { timeout: 60_000 }, async (t) => {
  const { node, ask, list } = await setupItems(t)
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const traceparent = `00-${trace}-00f067aa0ba902b7-01`
  const context = { correlationId: 'c-1', caller: 'key:a', traceparent }
  const a = await node.enqueue(pay, { employee: 'ada' }, { context })
  const b = await node.enqueue(pay, { employee: 'adele', what: 'reject' })
  const c = await node.enqueue(pay, { employee: 'bob', what: 'fail' })
  const d = await node.enqueue(tell, { text: 'Grüße, "Ada" 100%' }, { delay: '1 day' })
  const e = await node.enqueue(hire, { employee: 'ada' })
  await node.drain()
  const all = [e, d, c, b, a].toSorted().toReversed()
  assert.deepEqual(await list(''), all)
  assert.deepEqual(await list('state=succeeded'), [e, a].toSorted().toReversed())
  assert.deepEqual(await list('state=broken&state=scheduled'), [d, c, b].toSorted().toReversed())
  assert.deepEqual(await list('state=broken,scheduled'), [d, c, b].toSorted().toReversed())
  assert.deepEqual(await list('processor=hire'), [e])
  assert.deepEqual(await list('processor=pay&queue=standard'), [c, b, a].toSorted().toReversed())
  assert.deepEqual(await list('application=flows&state=succeeded&processor=pay'), [a])
  assert.deepEqual(await list('application=nobody'), [])
  assert.deepEqual(await list('key=adele'), [b])
  assert.deepEqual(await list('keyPrefix=ad'), [b, a].toSorted().toReversed())
  assert.deepEqual(await list('correlationId=c-1'), [a])
  assert.deepEqual(await list('caller=key:a'), [a])
  for (const text of [trace, trace.toUpperCase(), traceparent, `00-${trace}-${'1'.repeat(16)}-00`])
    assert.deepEqual(await list(`traceId=${text}`), [a], text)
  assert.deepEqual(await list(`traceId=${'1'.repeat(32)}`), [])
  assert.deepEqual(await list('errorCode=REJECTED'), [b])
  assert.deepEqual(await list(`ids=${a},${b}`), [b, a].toSorted().toReversed())
  assert.deepEqual(await list(`text=${encodeURIComponent('GRüße, "ada" 100%')}`), [d])
  assert.deepEqual(await list('text=100_'), [])
  assert.deepEqual(await list('text=the%20bank%20is%20CLOSED'), [c])
  assert.deepEqual(await list('text=paying%20bob'), [c])
  const later = new Date((await node.now()).getTime() + 1_000).toISOString()
  assert.deepEqual(await list(`from=${later}`), [])
  assert.deepEqual(await list(`to=${later}`), all)
  const pages: string[] = []
  let cursor = ''
  do {
    const { body } = await ask<{ items: { id: string }[]; next?: string }>(
      'observer',
      `/items?limit=2${cursor && `&cursor=${cursor}`}`,
    )
    pages.push(...body.items.map(({ id }) => id))
    cursor = body.next ?? ''
  } while (cursor !== '')
  assert.deepEqual(pages, all)
  const { body: counts } = await ask('observer', '/items/counts')
  const none = { count: 0, isAtLeast: false }
  assert.deepEqual(counts, {
    broken: { count: 1, isAtLeast: false },
    deferred: none,
    held: none,
    scheduled: { count: 2, isAtLeast: false },
    running: none,
    ready: none,
    cancelled: none,
    succeeded: { count: 2, isAtLeast: false },
  })
  const traced = await ask<Record<string, unknown>>('observer', `/items/counts?traceId=${trace}`)
  assert.deepEqual(traced.body['succeeded'], { count: 1, isAtLeast: false })
  const together = await ask('observer', '/items/counts?keyPrefix=ad&state=broken,succeeded')
  assert.deepEqual(together.body, {
    succeeded: { count: 1, isAtLeast: false },
    broken: { count: 1, isAtLeast: false },
  })
})

test('a row says how its item stands', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupItems(t)
  const context = { correlationId: 'c-1', caller: 'key:a' }
  const id = await node.enqueue(pay, { employee: 'ada', what: 'fail' }, { context })
  await node.drain()
  const { body } = await ask<{ items: Record<string, unknown>[] }>('observer', '/items')
  const [{ enqueuedAt, startedAt, dueAt, ...row } = {}] = body.items
  assert.deepEqual(row, {
    id,
    state: 'scheduled',
    processor: 'pay',
    kind: 'queue-processor',
    application: 'flows',
    queue: 'standard',
    key: 'ada',
    attempts: 1,
    error: { code: 'HANDLER_FAILED', message: 'the bank is closed' },
    correlationId: 'c-1',
    caller: 'key:a',
  })
  for (const time of [enqueuedAt, startedAt, dueAt]) assert.match(String(time), /^\d{4}-.+Z$/)
})

test('a filter that makes no sense is refused, and says where', { timeout: 60_000 }, async (t) => {
  const { ask } = await setupItems(t)
  for (const [query, code, pointer] of [
    ['state=late', 'REQUEST_INVALID', '#/state/0'],
    ['queu=a', 'REQUEST_INVALID', '#/queu'],
    ['ids=4711', 'REQUEST_INVALID', '#/ids/0'],
    ['from=yesterday', 'REQUEST_INVALID', '#/from'],
    ['key=%00', 'REQUEST_INVALID', '#/key'],
    ['traceId=00f067aa0ba902b7', 'REQUEST_INVALID', '#/traceId'],
    ['limit=201', 'REQUEST_INVALID', '#/limit'],
    ['cursor=abc', 'REQUEST_INVALID', '#/cursor'],
    ['queue=nobody', 'UNKNOWN_QUEUE', undefined],
  ]) {
    const { body } = await ask<{ code: string; errors?: { pointer: string }[] }>(
      'observer',
      `/items?${query}`,
    )
    assert.deepEqual([body.code, body.errors?.[0]?.pointer], [code, pointer], query)
  }
})

test(
  'an item shows all that happened to it, from whom it came and what came of it',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupItems(t)
    const id = await node.enqueue(pay, { employee: 'ada', what: 'fail' }, { context: { caller: 'key:a' } })
    await node.drain()
    await node.advance('2 hours')
    await node.drain()
    const { status } = await ask('operator', `/items/${id}/acts`, {
      act: 'requeue',
      input: { employee: 'ada', what: 'child' },
      reason: 'the bank is open',
    })
    assert.equal(status, 200)
    await node.drain()
    const { body: clone } = await ask<{ id: string }>('operator', `/items/${id}/acts`, { act: 'clone' })
    await node.drain()
    interface Page {
      state: string
      timeline: { at: string; kind: string; attempt: number; message: string; durationMs?: number }[]
      children: { id: string; processor: string; state: string }[]
      clones: { id: string }[]
      acts: { kind: string; verdict: string; operator: string; reason?: string }[]
      can: string[]
      redacted: string[]
      result: unknown
    }
    const { body: page } = await ask<Page>('administrator', `/items/${id}`)
    assert.equal(page.state, 'succeeded')
    assert.deepEqual(
      page.timeline.map(({ kind, attempt }) => `${kind} ${attempt}`),
      [
        'accepted 0',
        'started 1',
        'log 1',
        'failed 1',
        'started 2',
        'log 2',
        'broken 2',
        'act 0',
        'started 1',
        'log 1',
        'succeeded 1',
        'act 0',
      ],
    )
    const times = page.timeline.map(({ at }) => at)
    assert.deepEqual(times, times.toSorted())
    for (const { kind, durationMs } of page.timeline)
      assert.equal(typeof durationMs === 'number', ['failed', 'broken', 'succeeded'].includes(kind), kind)
    assert.match(page.timeline[7]!.message, /^requeued by key:.*: the bank is open$/)
    assert.deepEqual(page.can, ['clone'])
    assert.deepEqual(
      page.children.map(({ processor, state }) => [processor, state]),
      [['tell', 'succeeded']],
    )
    assert.deepEqual(
      page.clones.map((each) => each.id),
      [clone.id],
    )
    assert.deepEqual(
      page.acts.map(({ kind, verdict }) => [kind, verdict]),
      [
        ['clone', 'applied'],
        ['requeue', 'applied'],
      ],
    )
    const child = await ask<{ parent: { id: string; state: string } }>(
      'observer',
      `/items/${page.children[0]!.id}`,
    )
    assert.deepEqual([child.body.parent.id, child.body.parent.state], [id, 'succeeded'])
    const missing = await ask('observer', '/items/0199f3a1-7c00-8001-8001-5f3c9a2b1000')
    assert.deepEqual([missing.status, missing.body['code']], [404, 'ITEM_NOT_FOUND'])
  },
)

test('an item says what it waits for, and what can be done', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupItems(t)
  const first = await node.enqueue(pay, { employee: 'ada', what: 'fail' })
  await node.drain()
  const second = await node.enqueue(pay, { employee: 'ada' })
  await node.drain()
  // What it holds in memory a node tells of as ready.
  await node.edit(second, { input: { employee: 'ada', what: 'edited' } })
  const { body: held } = await ask<{ state: string; heldBy: { id: string; state: string }; can: string[] }>(
    'observer',
    `/items/${second}`,
  )
  assert.equal(held.state, 'held')
  assert.deepEqual([held.heldBy.id, held.heldBy.state], [first, 'scheduled'])
  assert.deepEqual(held.can.toSorted(), ['cancel', 'clone', 'defer', 'edit'])
  const { body: scheduled } = await ask<{ dueAt: string; timeline: { kind: string; message: string }[] }>(
    'observer',
    `/items/${first}`,
  )
  assert.equal(scheduled.timeline.at(-1)?.kind, 'scheduled')
  assert.equal(scheduled.timeline.at(-1)?.message, `attempt 2 is due at ${scheduled.dueAt}`)
})

test(
  'an operator of an access group sees its items alone, and acts on no others',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask, list, raw } = await setupItems(t)
    const mine = await node.enqueue(
      pay,
      { employee: 'ada', what: 'reject' },
      { context: { accessGroup: 'north' } },
    )
    const other = await node.enqueue(
      pay,
      { employee: 'bob', what: 'reject' },
      { context: { accessGroup: 'south' } },
    )
    const nobodys = await node.enqueue(pay, { employee: 'eve', what: 'reject' })
    await node.drain()
    for (const query of [
      '',
      'state=broken',
      'key=bob',
      'text=reject',
      'processor=pay',
      `ids=${other},${mine}`,
      'errorCode=REJECTED',
    ])
      assert.deepEqual(await list(query, 'north'), query === 'key=bob' ? [] : [mine], query)
    const counts = await ask<Record<string, { count: number }>>('north', '/items/counts')
    assert.equal(counts.body['broken']?.count, 1)
    for (const id of [other, nobodys]) {
      assert.equal((await ask('north', `/items/${id}`)).status, 404)
      assert.equal((await ask('north', `/items/${id}/acts`, { act: 'requeue' })).status, 404)
    }
    const preview = await ask('north', '/items/preview', { act: 'remove', filter: { state: 'broken' } })
    assert.deepEqual(preview.body, { count: 1, isAtLeast: false })
    await (await raw('north', '/items/acts', { act: 'remove', filter: { state: ['broken'] } })).text()
    assert.deepEqual(
      await Promise.all([mine, other, nobodys].map(async (id) => (await node.item(id))?.state)),
      ['cancelled', 'broken', 'broken'],
    )
  },
)
