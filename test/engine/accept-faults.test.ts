import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { type CoatcheckError, isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor, defineService } from '../../src/define/define.ts'
import { toFailure } from '../../src/define/failure.ts'
import { flushLimits } from '../../src/engine/group-commit.ts'
import { engineOf } from '../../src/node.ts'
import type { Driver } from '../../src/store/driver.ts'
import { setup } from '../flows/setup.ts'
import { answerLost, intercept, unreachable } from './faults.ts'

const ran: string[] = []
const service = defineService({
  name: 'ask',
  input: z.string(),
  execution: 'immediate',
  run: (input) => {
    ran.push(input)
    throw new Error('not yet')
  },
})
const failure = toFailure(new Error('not yet'))
const call = { scope: 'ask', key: 'k', keptMs: 60_000 }

const isUnknown = (error: unknown): boolean => isCoatcheckError(error, 'OUTCOME_UNKNOWN')

test('a failed call whose answer from the database was lost is stored once', async (t) => {
  const node = await setup(t, [service], { start: false })
  const { immediate, definitions } = engineOf(node)
  const definition = definitions.get('service:ask')!
  let lost = 0
  const restore = intercept(node, async (name, proceed) => {
    const rows = await proceed()
    if (name.startsWith('append') && lost++ === 0) throw answerLost()
    return rows
  })
  const id = await immediate.acceptFailed(definition, 'stored', failure, undefined, undefined)
  restore()
  assert.equal(lost, 2)
  const [item, ...others] = await node.items()
  assert.deepEqual([item?.id, others], [id, []])
  assert.deepEqual(
    [item?.input, item?.state, item?.attempts, item?.error?.message],
    ['stored', 'scheduled', 1, 'not yet'],
  )
})

test('one with an Idempotency-Key is not told that nothing was accepted, within the time that callers are given', async (t) => {
  const node = await setup(t, [service], { start: false })
  const { immediate, definitions, database } = engineOf(node)
  const definition = definitions.get('service:ask')!
  const outcome = await immediate.run(definition, 'once', {}, new AbortController().signal, call)
  assert.ok(outcome.kind === 'failed' && outcome.claim)
  const deadlines: (number | undefined)[] = []
  const driver: Driver = database.driver
  const transaction = driver.transaction.bind(driver)
  driver.transaction = async (work, options) => {
    deadlines.push(options?.timeoutMs)
    await transaction(work, options)
    throw answerLost()
  }
  await assert.rejects(immediate.acceptFailed(definition, 'once', failure, {}, outcome.claim), isUnknown)
  await assert.rejects(immediate.accept(definition, 'later', {}, { ...call, key: 'other' }), isUnknown)
  driver.transaction = transaction
  for (const ms of deadlines) assert.ok(ms! <= 2_500, `${ms} ms`)
  // Who asks again gets what was stored.
  for (const [input, key] of [
    ['once', 'k'],
    ['later', 'other'],
  ] as const) {
    const { answer, isRepeat } = await immediate.accept(definition, input, {}, { ...call, key })
    assert.ok(isRepeat && answer.kind === 'queued')
    assert.equal((await node.item(answer.id))?.input, input)
  }
})

test('a failed call that cannot be stored leaves its Idempotency-Key free', async (t) => {
  const node = await setup(t, [service], { start: false })
  const { immediate, definitions } = engineOf(node)
  const definition = definitions.get('service:ask')!
  const run = () => immediate.run(definition, 'full', {}, new AbortController().signal, call)
  const outcome = await run()
  assert.ok(outcome.kind === 'failed' && outcome.claim)
  const restore = intercept(node, async (name, proceed) => {
    if (name === 'read-topology' || name.startsWith('append')) throw unreachable()
    return proceed()
  })
  const { driver } = engineOf(node).database
  const transaction = driver.transaction.bind(driver)
  driver.transaction = () => Promise.reject(unreachable())
  await assert.rejects(immediate.acceptFailed(definition, 'full', failure, {}, outcome.claim), (error) =>
    isCoatcheckError(error, 'DATABASE_UNREACHABLE'),
  )
  driver.transaction = transaction
  restore()
  assert.equal((await run()).kind, 'failed')
})

test('a service whose caller had gone before it began does not run', async (t) => {
  const node = await setup(t, [service], { start: false })
  const { immediate, definitions } = engineOf(node)
  const definition = definitions.get('service:ask')!
  ran.length = 0
  const gone = await immediate.run(definition, 'gone', {}, AbortSignal.abort())
  assert.equal(gone.kind, 'abandoned')
  // While its claim is taken.
  const caller = new AbortController()
  const restore = intercept(node, async (name, proceed) => {
    const rows = await proceed()
    if (name === 'claim-call') caller.abort()
    return rows
  })
  const left = await immediate.run(definition, 'left', {}, caller.signal, { ...call, key: 'left' })
  restore()
  assert.equal(left.kind, 'abandoned')
  assert.deepEqual(ran, [])
  // As if it had not come.
  await immediate.run(definition, 'again', {}, new AbortController().signal, { ...call, key: 'left' })
  assert.deepEqual(ran, ['again'])
})

test('what may have been committed is not queued to run again; with a key its record says what became of it', async (t) => {
  const lose = { commit: '' }
  let isWritten = false
  const write = defineService({
    name: 'write',
    input: z.object({}),
    execution: 'immediate',
    queueWhen: () => true,
    run(_input, ctx) {
      ctx.atCommit((tx) => {
        isWritten = true
        return tx.query(`insert into "${node.place.schema}".effect values (1)`)
      })
      return 'done'
    },
  })
  const node = await setup(t, [write], { http: { port: 0 }, log: false, nodeTypes: ['web'] })
  await node.query(`create table "${node.place.schema}".effect (n int)`)
  const { driver } = engineOf(node).database
  const transaction = driver.transaction.bind(driver)
  const undone = new Error('undone')
  driver.transaction = (work, options) => {
    isWritten = false
    const done = transaction(async (tx) => {
      const result = await work(tx)
      if (isWritten && lose.commit === 'undone') throw undone
      return result
    }, options)
    return done.then(
      (result) => (isWritten && lose.commit !== '' ? Promise.reject(answerLost()) : result),
      (error: unknown) => Promise.reject(error === undone ? answerLost() : (error as Error)),
    )
  }
  const post = async (key?: string) => {
    const answer = await fetch(`${node.url}/services/flows/write`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
      body: '{}',
    })
    const body = (await answer.json()) as string | { code: string }
    const { rows } = await node.query(`select from "${node.place.schema}".effect`)
    return [answer.status, typeof body === 'string' ? body : body.code, rows.length]
  }
  lose.commit = 'done'
  assert.deepEqual(await post(), [503, 'OUTCOME_UNKNOWN', 1])
  assert.deepEqual(await post('done'), [503, 'OUTCOME_UNKNOWN', 2])
  lose.commit = 'undone'
  assert.deepEqual(await post('undone'), [503, 'OUTCOME_UNKNOWN', 2])
  lose.commit = ''
  assert.deepEqual(await post('done'), [200, 'done', 2])
  // Until its lease is over nobody knows.
  assert.deepEqual(await post('undone'), [409, 'IDEMPOTENCY_KEY_IN_USE', 2])
  assert.deepEqual(await node.items(), [])
})

test('many that do not fit one flush go one after the other; an error says which of them are there', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: () => {} })
  const node = await setup(t, [step], { start: false })
  const { items } = flushLimits
  const all = Array.from({ length: 2 * items + 10 }, (_, at) => at)
  for (const options of [{}, { delay: '1 hour' }]) {
    let flushes = 0
    const restore = intercept(node, async (name, proceed) => {
      if (/^append|^put-waiting/.test(name) && ++flushes === 3) throw unreachable()
      return proceed()
    })
    const error = await node.enqueueMany(step, all, options).then(
      () => assert.fail('it was accepted'),
      (thrown: unknown) => thrown as CoatcheckError,
    )
    restore()
    assert.equal(error.code, 'DATABASE_UNREACHABLE')
    assert.match(error.message, /^the first 10000 of 10010 items were accepted/)
    assert.equal(error.accepted?.length, 2 * items)
    for (const at of [0, items - 1, items, 2 * items - 1])
      assert.equal((await node.item(error.accepted[at] as never))?.input, at)
  }
  // One flush: all or none.
  const restore = intercept(node, async (name, proceed) => {
    if (name.startsWith('append')) throw unreachable()
    return proceed()
  })
  await assert.rejects(
    node.enqueueMany(step, all.slice(0, items)),
    (error) => isCoatcheckError(error, 'DATABASE_UNREACHABLE') && error.accepted === undefined,
  )
  restore()
  const ids = await node.enqueueMany(step, all)
  assert.equal(new Set(ids).size, all.length)
  assert.equal((await node.item(ids.at(-1)!))?.input, all.length - 1)
})
