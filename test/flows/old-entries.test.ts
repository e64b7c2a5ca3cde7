import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { entryJson } from '../../src/store/entry-json.ts'
import { askAs } from '../operate/asking.ts'
import { setup } from './setup.ts'

const note = defineQueueProcessor({
  name: 'note',
  input: z.object({ text: z.string(), ssn: z.string().optional() }),
  secret: ['/ssn'],
  process: ({ text }) => {
    throw new Reject(`no ${text}`)
  },
})

/** What the text is once it has been written by an older release, and what it is read as. */
const bad = String.raw`a\u0000b \ud83d\ude00 \ud83d \ude00 \\u0000 \\\u0000`
const read = 'a\ufffdb 😀 \ufffd \ufffd \\u0000 \\\ufffd'

test('entries of older releases with NUL and halves of pairs are found by id, wherever they are', async (t) => {
  const node = await setup(t, [note], { start: false })
  const { schema } = node.place
  const spoil = async (table: string, column: string) => {
    const { rows } = await node.query(
      `update ${schema}.${table} set ${column} = replace(${column}, 'MARK', $1) where ${column} like '%MARK%' returning 1 as one`,
      [bad],
    )
    assert.equal(rows.length, 1, table)
    await node.query(`delete from ${schema}.tracked_item`)
  }
  const [logged] = await node.enqueueMany(note, [{ text: 'MARK' }, { text: 'beside' }])
  await spoil('log', 'data')
  assert.deepEqual((await node.item(logged!))?.input, { text: read })
  assert.equal((await node.item(logged!))?.state, 'ready')
  await node.query(`update ${schema}.log set data = replace(data, $1, '')`, [bad])

  await node.start()
  const later = await node.enqueue(note, { text: 'MARK', ssn: '4711' }, { delay: '1 day' })
  await node.drain()
  await spoil('waiting_item', 'entry')
  assert.deepEqual((await node.item(later))?.input, { text: read, ssn: '4711' })

  const broken = await node.enqueue(note, { text: 'MARK', ssn: '4712' })
  await node.drain()
  await spoil('broken_item', 'entry')
  assert.deepEqual((await node.item(broken))?.input, { text: read, ssn: '4712' })
  // The operator's API reads them to see what is hidden.
  const ask = await askAs(node, 'observer')
  const { status, body } = await ask('GET', '/items?state=broken')
  assert.equal(status, 200)
  assert.ok((body.items as { id: string }[]).some(({ id }) => id === broken))
  assert.equal((await ask('GET', `/items/${later}`)).body.input.text, read)
})

test('what can be read stays as it is, to the letter', async (t) => {
  const node = await setup(t, [note], { start: false })
  for (const text of [
    String.raw`{"a":"\\u0000 \\\\u0000 \ud83d\ude00 \uD83D\uDE00 \u0001"}`,
    String.raw`["\\ud800", "\\\\", "\""]`,
  ]) {
    const { rows } = await node.query(`select (${entryJson('$1::text')})::text as json`, [text])
    assert.equal(rows[0]?.['json'], text)
  }
})
