import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/index.ts'
import { auditOf, setupItems } from './item-setup.ts'

/** What somebody writes who wants to know which number of four digits a PIN is. */
const guesses = Array.from({ length: 10_000 }, (_, at) => String(at).padStart(4, '0')).join(' ')

const grant = defineQueueProcessor({
  name: 'grant',
  input: z.object({ pin: z.string(), note: z.string() }),
  secret: ['/pin'],
  process: ({ pin, note }) => ({ pin, note }),
})

/** Says again what it is given. */
const open = defineQueueProcessor({
  name: 'open',
  input: z
    .object({
      pin: z.string(),
      note: z.string(),
      again: z.string().optional(),
      what: z.string().optional(),
      cards: z.array(z.object({ number: z.string() })).optional(),
    })
    .refine(({ pin, again }) => again === undefined || again === pin, {
      error: (issue) => `again is not ${(issue.input as { pin: string }).pin}`,
    }),
  secret: ['/pin', '/cards/*/number'],
  retry: { maxAttempts: 1 },
  process: async ({ pin, note, what }, { log, progress, enqueue }) => {
    log(`opens ${note}`, { note })
    progress({ note })
    if (what === 'reject') throw new Reject(`no door: ${note}`)
    await enqueue(grant, { pin, note })
    return { note }
  },
})

/** Keys that nobody should have chosen. */
const file = defineQueueProcessor({
  name: 'file',
  input: z.object({ pin: z.string(), note: z.string() }),
  key: ({ pin }) => pin.slice(-2),
  secret: ['/pin'],
  process: ({ note }) => {
    throw new Reject(note)
  },
})

const setupSecrets = (t: TestContext) => setupItems(t, {}, [grant, open, file])

interface Page {
  readonly input: { readonly note: string }
  readonly timeline: readonly { kind: string; message: string; data?: unknown; error?: unknown }[]
  readonly children: readonly { id: string }[]
}

test(
  'no guess that an operator writes beside a secret reads otherwise where it is right',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupSecrets(t)
    const broken = await node.enqueue(open, { pin: '8305', note: '', what: 'reject' })
    await node.drain()
    const guess = { pin: '•••', note: guesses }
    const act = (body: object) => ask<{ id: string }>('operator', `/items/${broken}/acts`, body)
    const cloned = await act({ act: 'clone', input: guess })
    const rejected = await act({ act: 'clone', input: { ...guess, what: 'reject' } })
    assert.deepEqual([cloned.status, rejected.status], [200, 200], JSON.stringify(rejected.body))
    assert.equal((await act({ act: 'edit', input: { ...guess, what: 'reject' } })).status, 200)
    await node.drain()
    assert.equal((await act({ act: 'requeue' })).status, 200)
    await node.drain()
    const pages = async (...ids: string[]) =>
      Promise.all(ids.map(async (id) => (await ask<Page>('operator', `/items/${id}`)).body))
    const [first] = await pages(cloned.body.id)
    const ids = [cloned.body.id, rejected.body.id, broken, ...(first?.children ?? []).map(({ id }) => id)]
    assert.equal(ids.length, 4)
    for (const [at, page] of (await pages(...ids)).entries()) {
      assert.equal(page.input.note, guesses, `${at}`)
      // What the handler made of it stands nowhere: neither in the clear nor with one of them left out.
      const { input: _input, ...rest } = page
      for (const text of JSON.stringify(rest).match(/[^"\\]*8304[^"\\]*/g) ?? [])
        assert.match(text, /8304 8305 8306/, text.slice(0, 100))
    }
    const { body: list } = await ask<{ items: unknown[] }>('operator', '/items')
    assert.doesNotMatch(JSON.stringify(list), /830\d/)
    for (const text of ['8304 8305', '8304 ••• 8306']) {
      const { body } = await ask<{ items: unknown[] }>('operator', `/items?text=${encodeURIComponent(text)}`)
      assert.equal(body.items.length, text.includes('•') ? 0 : ids.length, text)
    }
    const audit = JSON.stringify([...(await auditOf(ask, 'edit')), ...(await auditOf(ask, 'clone'))])
    assert.doesNotMatch(audit, /830\d ?•••/)
    // Administrators see what came of it.
    const { body: all } = await ask<Page>('administrator', `/items/${rejected.body.id}`)
    assert.match(JSON.stringify(all.timeline), /no door: 0000 0001/)
  },
)

test('what an operator says is no guess: it reads as it was said', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupSecrets(t)
  const id = await node.enqueue(open, { pin: '8305', note: 'the pin 8305', what: 'reject' })
  await node.drain()
  const reason = 'is it 8304, 8305 or 8306?'
  await ask('operator', `/items/${id}/acts`, { act: 'requeue', reason })
  await node.drain()
  const { body } = await ask<Page>('operator', `/items/${id}`)
  const said = body.timeline.find(({ kind }) => kind === 'act')
  assert.ok(said)
  assert.ok(said.message.endsWith(`: ${reason}`), said.message)
  assert.equal((said.data as { reason: string }).reason, reason)
  // Of what a program handed over the rest is shown, without the values.
  assert.deepEqual(
    body.timeline.filter(({ kind }) => kind === 'log').map(({ message }) => message),
    ['opens the pin •••', 'opens the pin •••'],
  )
})

test('the audit does not say whether a guess is right', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupSecrets(t)
  for (const pin of ['8305', '8306', '•••']) {
    const id = await node.enqueue(open, { pin: '8305', note: '' }, { delay: '1 day' })
    await ask('operator', `/items/${id}/acts`, { act: 'defer' })
    for (const act of ['clone', 'edit']) {
      const { status, body } = await ask('operator', `/items/${id}/acts`, { act, input: { pin, note: '' } })
      assert.equal(status, 200, JSON.stringify(body))
      const [line] = await auditOf(ask, act)
      const told = (line?.['after'] as { secretChanged?: boolean } | undefined)?.secretChanged
      assert.equal(told, act === 'clone' ? undefined : pin !== '•••', `${act} ${pin}`)
    }
  }
})

test('nor does what is refused', { timeout: 60_000 }, async (t) => {
  const { node, ask } = await setupSecrets(t)
  const id = await node.enqueue(open, { pin: '8305', note: '', cards: [{ number: '4711' }] })
  const keyed = await node.enqueue(file, { pin: '8305', note: '' })
  await node.drain()
  const act = async (item: string, body: object) => {
    const { status, body: said } = await ask('operator', `/items/${item}/acts`, body)
    return { status, text: JSON.stringify(said).replaceAll(item, 'it'), said }
  }
  // By a key that is made of it.
  const edits = ['8305', '8306'].map((pin) => act(keyed, { act: 'edit', input: { pin, note: '' } }))
  const [right, wrong] = await Promise.all(edits)
  assert.deepEqual([right?.status, wrong?.status], [422, 422])
  assert.equal(right?.text.replace(/"instance":"[^"]*"/, ''), wrong?.text.replace(/"instance":"[^"]*"/, ''))
  assert.equal((await act(keyed, { act: 'edit', input: { pin: '•••', note: 'x' } })).status, 200)
  // By what a schema says of it.
  const schema = await act(id, { act: 'clone', input: { pin: '•••', note: '', again: '8306' } })
  assert.deepEqual([schema.status, schema.said['code']], [422, 'PAYLOAD_INVALID'])
  assert.doesNotMatch(schema.text, /8305/)
  // By an element that reads the same.
  for (const number of ['4711', '4712']) {
    const cards = [{ number: '•••' }, { number }]
    const two = await act(id, { act: 'clone', input: { pin: '•••', note: '', cards: [cards[0]] } })
    assert.equal(two.status, 200, two.text)
    const both = await node.enqueue(open, { pin: '1', note: '', cards: [{ number: '4711' }, { number }] })
    await node.drain()
    const one = await act(both, { act: 'clone', input: { pin: '•••', note: '', cards: [cards[0]] } })
    assert.equal(one.status, 422, number)
  }
})

test(
  'what an administrator replaced hides no more than what programs did',
  { timeout: 60_000 },
  async (t) => {
    const { node, ask } = await setupSecrets(t)
    const id = await node.enqueue(open, { pin: '8305', note: 'with 8305', what: 'reject' })
    await node.drain()
    const input = { pin: '9999', note: 'with 9999', what: 'reject' }
    await ask('administrator', `/items/${id}/acts`, { act: 'requeue', input })
    await node.drain()
    const lines = async () => {
      const { body } = await ask<Page>('observer', `/items/${id}`)
      return body.timeline.filter(({ kind }) => kind === 'log').map(({ message }) => message)
    }
    assert.deepEqual(await lines(), ['opens with •••', 'opens with •••'])
    const again = { pin: '•••', note: 'with 9999', what: 'reject' }
    await ask('operator', `/items/${id}/acts`, { act: 'requeue', input: again })
    await node.drain()
    assert.deepEqual(await lines(), ['•••', '•••', '•••'])
  },
)

test('an item stays found by its key after its input was replaced', { timeout: 60_000 }, async (t) => {
  const { node, ask, list } = await setupSecrets(t)
  const id = await node.enqueue(file, { pin: '8305', note: '' })
  await node.drain()
  assert.deepEqual(await list('key=05', 'operator'), [id])
  await ask('operator', `/items/${id}/acts`, { act: 'edit', input: { pin: '•••', note: 'new' } })
  assert.deepEqual(await list('key=05', 'operator'), [id])
})
