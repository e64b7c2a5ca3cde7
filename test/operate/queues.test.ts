import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { signal } from '../flows/order-watch.ts'
import { order } from '../flows/queue-order.ts'
import { setup } from '../flows/setup.ts'
import { askAs } from './asking.ts'

const input = z.object({ key: z.string(), fails: z.string().optional() })

function definitions(go: Promise<void>) {
  return [
    defineQueueProcessor({
      name: 'directory',
      input,
      key: ({ key }) => key,
      onBroken: 'block',
      concurrency: 3,
      dedicated: { partitions: 2 },
      process: async ({ fails, key }) => {
        if (fails !== undefined) throw new Reject(fails)
        if (key === 'slow') await go
      },
    }),
    defineQueueProcessor({ name: 'mail', input, concurrency: 7, process: () => {} }),
  ] as const
}

test('queues stand as they do, with what runs, waits, is broken and blocked', async (t) => {
  const go = signal()
  const [directory, mail] = definitions(go.promise)
  const node = await setup(t, [directory, mail])
  const ask = await askAs(node, 'observer')
  for (const name of ['directory', 'standard'])
    assert.ok((await ask('GET', '/queues')).body.items.some((queue: { name: string }) => queue.name === name))
  await node.enqueueMany(mail, [{ key: 'a' }, { key: 'b' }])
  await node.enqueue(directory, { key: 'slow' })
  await node.enqueue(directory, { key: 'late' }, { delay: '1 hour' })
  for (const key of ['a', 'b']) {
    await node.enqueue(directory, { key, fails: `no account ${key === 'a' ? 4711 : 4712} here` })
    for (let n = 0; n < 3; n++) await node.enqueue(directory, { key })
  }
  const parked = await node.enqueue(directory, { key: 'parked' }, { delay: '2 hours' })
  await node.defer(parked)
  await waitUntil('all is where it stays', 20_000, async () => {
    engineOf(node).figures.forget()
    const { body } = await ask('GET', '/queues/directory')
    return body.held === 6 && body.broken === 2 && body.deferred === 1 && body.running === 1
  })
  await engineOf(node).statistics.flush()
  engineOf(node).figures.forget()
  const { status, body } = await ask('GET', '/queues/directory?range=1h')
  assert.equal(status, 200)
  assert.deepEqual(body.processors, [{ name: 'directory', kind: 'queue-processor', application: 'flows' }])
  const { state, ready, running, scheduled, held, deferred, broken, blockedKeys, concurrency } = body
  assert.deepEqual(
    { state, ready, running, scheduled, held, deferred, broken, blockedKeys, concurrency },
    {
      state: 'running',
      ready: 0,
      running: 1,
      scheduled: 1,
      held: 6,
      deferred: 1,
      broken: 2,
      blockedKeys: 2,
      concurrency: { defined: 3 },
    },
  )
  assert.equal(body.partitions, 2)
  assert.equal(body.partitionList.length, 2)
  for (const { owner, generation } of body.partitionList)
    assert.deepEqual([owner.bootId, generation], [node.id, 1])
  assert.deepEqual([body.processedLastHour, body.failedLastHour], [2, 2])
  assert.equal(body.sparkline.length, 60)
  assert.equal(sum(body.sparkline), 2)
  // What was accepted: one that runs, two that are delayed, eight of two keys.
  assert.equal(sum(body.series.accepted), 11)
  assert.equal(sum(body.series.broken), 2)
  assert.equal(body.series.at.length, 60)
  assert.ok(body.series.p95Ms.some((ms: number | null) => ms !== null))

  const blocked = await ask('GET', '/queues/directory/blocked-keys?limit=1')
  assert.equal(blocked.body.items.length, 1)
  const next = await ask('GET', `/queues/directory/blocked-keys?cursor=${blocked.body.next}`)
  const keys = [...blocked.body.items, ...next.body.items]
  assert.deepEqual(new Set(keys.map(({ key }) => key)), new Set(['a', 'b']))
  for (const { waiting, isAtLeast, error, processor, item } of keys) {
    assert.deepEqual([waiting, isAtLeast, error.code, processor], [3, false, 'REJECTED', 'directory'])
    assert.equal((await node.item(item.id))?.state, 'broken')
  }
  assert.equal(next.body.next, undefined)
  assert.equal((await ask('GET', '/queues/directory/blocked-keys?cursor=x')).status, 422)

  const { body: groups } = await ask('GET', '/broken?queue=directory')
  assert.equal(groups.items.length, 1)
  const [group] = groups.items
  assert.deepEqual(
    [group.processor, group.queue, group.code, group.message, group.count, group.isAtLeast],
    ['directory', 'directory', 'REJECTED', 'no account … here', 2, false],
  )
  assert.equal((await ask('GET', '/broken?processor=mail')).body.items.length, 0)
  assert.equal((await ask('GET', '/broken?processor=directory')).body.items.length, 1)
  assert.deepEqual((await ask('GET', '/queues/nowhere')).body.code, 'UNKNOWN_QUEUE')
  go.give()
})

test('what operators do to queues takes effect, and stands in the audit with what was before', async (t) => {
  const [directory, mail] = definitions(Promise.resolve())
  const node = await setup(t, [directory, mail])
  const observer = await askAs(node, 'observer')
  const operator = await askAs(node, 'operator')
  const administrator = await askAs(node, 'administrator')
  assert.equal((await observer('POST', '/queues/directory/state', { state: 'paused' })).status, 403)
  const done = await operator('POST', '/queues/directory/state', { state: 'paused', reason: 'migration' })
  assert.equal(done.status, 204)
  await operator('PUT', '/queues/directory/concurrency', { perNode: 5 })
  const { body: paused } = await observer('GET', '/queues/directory')
  assert.deepEqual([paused.state, paused.concurrency], ['paused', { set: 5, defined: 3 }])
  const id = await node.enqueue(directory, { key: 'a' })
  await operator('PUT', '/queues/directory/concurrency', { perNode: null })
  await operator('POST', '/queues/directory/restart', {})
  await node.result(id, { wait: '20s' })
  assert.equal((await operator('PUT', '/queues/directory/partitions', { partitions: 3 })).status, 403)
  const { body: made } = await administrator('PUT', '/queues/directory/partitions', { partitions: 3 })
  assert.deepEqual(made, { generation: 2, partitions: 3, changed: true })
  for (const [path, body] of [
    ['/queues/directory/state', { state: 'halted' }],
    ['/queues/directory/state', {}],
    ['/queues/directory/state', { state: 'paused', stat: 1 }],
  ] as const)
    assert.equal((await operator('POST', path, body)).status, 422)
  assert.equal((await operator('PUT', '/queues/directory/concurrency', { perNode: 0 })).status, 422)
  assert.equal((await operator('POST', '/queues/nowhere/state', { state: 'paused' })).status, 404)

  const { body: audit } = await administrator('GET', '/audit?subject=queue&subjectId=directory')
  assert.deepEqual(
    audit.items.map((line: Record<string, unknown>) => [
      line['act'],
      line['before'],
      line['after'],
      line['reason'],
    ]),
    [
      ['queue.partitions', { partitions: 2 }, { partitions: 3, generation: 2 }, undefined],
      ['queue.restart', { state: 'paused' }, { state: 'running' }, undefined],
      ['queue.concurrency', { perNode: 5 }, { perNode: null }, undefined],
      ['queue.concurrency', { perNode: null }, { perNode: 5 }, undefined],
      ['queue.pause', { state: 'running' }, { state: 'paused' }, 'migration'],
    ],
  )
})

test('the audit says how many partitions a queue had, whatever was seen of it before', async (t) => {
  const [directory] = definitions(Promise.resolve())
  const node = await setup(t, [directory])
  const ask = await askAs(node, 'administrator')
  assert.equal((await ask('GET', '/queues/directory')).body.partitions, 2)
  await node.query(`select "${node.place.schema}".repartition('directory', 4)`)
  assert.equal((await ask('PUT', '/queues/directory/partitions', { partitions: 5 })).status, 200)
  const { body } = await ask('GET', '/audit?act=queue.partitions')
  assert.deepEqual(body.items[0].before, { partitions: 4 })
  assert.equal((await ask('PUT', '/queues/nowhere/partitions', { partitions: 5 })).status, 404)
})

test('the overview shows what is going on and what needs attention, the worst first', async (t) => {
  const [directory, mail] = definitions(Promise.resolve())
  const node = await setup(t, [directory, mail])
  const ask = await askAs(node, 'operator')
  const empty = await ask('GET', '/overview')
  assert.deepEqual([empty.status, empty.body.waiting, empty.body.attention], [200, 0, []])
  await order(node, 'paused', () => ask('POST', '/queues/standard/state', { state: 'paused' }))
  await node.enqueueMany(mail, [{ key: 'a' }, { key: 'b' }, { key: 'c' }])
  await node.enqueue(directory, { key: 'a', fails: 'no' })
  await waitUntil('it is counted', 20_000, async () => {
    engineOf(node).figures.forget()
    const { body } = await ask('GET', '/overview')
    return body.attention.length === 3 && body.waiting === 3
  })
  await engineOf(node).statistics.flush()
  const { body } = await ask('GET', '/overview?range=24h')
  assert.deepEqual(
    body.attention.map((one: Record<string, unknown>) => [
      one['kind'],
      one['severity'],
      one['title'],
      one['detail'],
      one['href'],
    ]),
    [
      [
        'blocked-keys',
        'critical',
        '1 key of directory is blocked',
        'A broken item holds what comes after it until somebody decides',
        '/queues/directory',
      ],
      ['stopped-queue', 'warning', 'standard is paused', '3 items wait', '/queues/standard'],
      [
        'broken',
        'warning',
        '1 item of directory is broken',
        'Out of attempts, or rejected',
        '/items?state=broken&queue=directory',
      ],
    ],
  )
  assert.equal(body.series.at.length, 144)
  assert.equal(sum(body.series.accepted), 4)
  assert.ok(body.oldestWaitingMs >= 0)
  const { body: nodes } = await ask('GET', '/nodes')
  assert.equal(nodes.items.length, 1)
  const [only] = nodes.items
  assert.deepEqual([only.bootId, only.isAlive], [node.id, true])
  for (const name of ['directory', 'standard']) assert.ok(only.queues.includes(name))
  await waitUntil('it has reported', 20_000, async () => {
    engineOf(node).figures.forget()
    return (await ask('GET', '/nodes')).body.items[0].memoryMb > 0
  })
})

test('charts show how long the oldest item waited, of each queue and of all', async (t) => {
  const [directory, mail] = definitions(Promise.resolve())
  const node = await setup(t, [directory, mail])
  const ask = await askAs(node, 'operator')
  const { alerts, figures } = engineOf(node)
  const look = async () => {
    figures.forget()
    await alerts.look()
  }
  const agesOf = async (path: string, range: string): Promise<(number | null)[]> => {
    figures.forget()
    return (await ask('GET', `${path}?range=${range}`)).body.series.oldestAgeMs
  }
  for (const name of ['standard', 'directory'])
    await order(node, 'paused', () => ask('POST', `/queues/${name}/state`, { state: 'paused' }))
  await node.enqueue(mail, { key: 'a' })
  await node.advance('10 minutes')
  await node.enqueue(directory, { key: 'a' })
  await node.advance('20 minutes')
  await waitUntil('both are seen to wait', 20_000, async () => {
    await look()
    const ages = await Promise.all(
      ['/queues/standard', '/queues/directory', '/overview'].map((path) => agesOf(path, '1h')),
    )
    return ages.every((each) => each.some((ms) => ms !== null))
  })
  for (const [path, minutes] of [
    ['/queues/standard', 30],
    ['/queues/directory', 20],
    ['/overview', 30],
  ] as const)
    for (const range of ['1h', '24h']) {
      const ages = await agesOf(path, range)
      const seen = Math.max(...ages.map((ms) => ms ?? 0)) / 60_000
      assert.ok(seen >= minutes - 0.1 && seen < minutes + 2, `${path} ${range}: ${seen}`)
      assert.equal(ages[0], null)
    }
})

test('alerts are raised, told and cleared', async (t) => {
  const [directory, mail] = definitions(Promise.resolve())
  const node = await setup(t, [directory, mail])
  const ask = await askAs(node, 'operator')
  const told: string[] = []
  node.events.listen((name, data) => {
    if (name === 'alert.raised' || name === 'alert.cleared')
      told.push(`${name} ${(data as { rule: string }).rule}`)
  })
  const { alerts, figures } = engineOf(node)
  const look = async () => {
    figures.forget()
    await alerts.look()
  }
  await ask('POST', '/queues/standard/state', { state: 'stopped' })
  const id = await node.enqueue(directory, { key: 'a', fails: 'no' })
  await waitUntil('it is broken', 20_000, async () => (await node.item(id))?.state === 'broken')
  await node.advance('2 minutes')
  await look()
  await look()
  assert.deepEqual(new Set(told), new Set(['alert.raised key-blocked', 'alert.raised queue-stopped']))
  assert.equal(told.length, 2)
  const open = (await ask('GET', '/alerts')).body.items
  const shown = new Map(
    open.map((one: Record<string, unknown>) => [one['rule'], [one['subject'], one['until']]]),
  )
  assert.deepEqual(
    shown,
    new Map([
      ['key-blocked', ['directory', undefined]],
      ['queue-stopped', ['standard', undefined]],
    ]),
  )
  await node.skip(id)
  await ask('POST', '/queues/standard/state', { state: 'running' })
  await look()
  assert.deepEqual(
    new Set(told.slice(2)),
    new Set(['alert.cleared key-blocked', 'alert.cleared queue-stopped']),
  )
  const cleared = (await ask('GET', '/alerts')).body.items
  assert.equal(cleared.length, 2)
  for (const { since, until } of cleared) assert.ok(Date.parse(until) >= Date.parse(since))
})

test('an item that waits for long raises an alert, unless its queue is held up', async (t) => {
  const go = signal()
  const busy = defineQueueProcessor({
    name: 'busy',
    input,
    concurrency: 1,
    dedicated: { partitions: 1 },
    process: () => go.promise,
  })
  const node = await setup(t, [busy])
  const ask = await askAs(node, 'observer')
  await node.enqueue(busy, { key: 'a' })
  await waitUntil('it runs', 20_000, async () => {
    engineOf(node).figures.forget()
    return (await ask('GET', '/queues/busy')).body.running === 1
  })
  const { alerts, figures } = engineOf(node)
  await node.advance('10 minutes')
  // What the node said before is too old now.
  await waitUntil('it has reported again', 20_000, async () => {
    figures.forget()
    return (await ask('GET', '/nodes')).body.items[0].memoryMb > 0
  })
  await alerts.look()
  // What runs does not wait.
  assert.deepEqual((await ask('GET', '/alerts')).body.items, [])
  await node.enqueue(busy, { key: 'b' })
  await node.advance('10 minutes')
  await waitUntil('it is raised', 20_000, async () => {
    figures.forget()
    await alerts.look()
    return (await ask('GET', '/alerts')).body.items.length === 1
  })
  assert.equal((await ask('GET', '/alerts')).body.items[0].rule, 'oldest-waiting')
  await node.queues.pause('busy')
  figures.forget()
  await alerts.look()
  assert.ok((await ask('GET', '/alerts')).body.items[0].until)
  await node.queues.start('busy')
  go.give()
})

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
