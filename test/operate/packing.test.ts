import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { askAs, requestOf } from './asking.ts'
import { setupOperate } from './setup.ts'

/** An operator who asks, for bytes as they are sent. */
async function setupPacking(t: Parameters<typeof setupOperate>[0]) {
  const { node } = await setupOperate(t)
  const { key } = await node.apiKeys.create({ name: 'reader', roles: ['observer'] })
  const ask = (path: string, accepted: string) => {
    const request = requestOf(key, 'GET', path)
    request.headers.set('accept-encoding', accepted)
    return node.fetch(request)
  }
  return { node, ask }
}

test('what is long is packed for those who unpack it, and says the same', async (t) => {
  const { node, ask } = await setupPacking(t)
  const { body } = await (await askAs(node, 'observer'))('GET', '/openapi.json')
  for (const [accepted, coding] of [
    ['gzip, deflate, br', 'gzip'],
    ['br;q=1, gzip;q=0', null],
    ['identity', null],
  ] as const) {
    const answer = await ask('/openapi.json', accepted)
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.headers.get('content-encoding'), coding, accepted)
    assert.equal(answer.headers.get('vary'), 'accept-encoding')
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const text = new TextDecoder().decode(coding === null ? bytes : gunzipSync(bytes))
    assert.deepEqual(JSON.parse(text), body, accepted)
    if (coding === 'gzip') assert.ok(bytes.length < text.length / 4, `${bytes.length} of ${text.length}`)
  }
})

test('what is short, and what comes piece by piece, is sent as it is', async (t) => {
  const { ask } = await setupPacking(t)
  for (const path of ['/session', '/live']) {
    const answer = await ask(path, 'gzip')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-encoding'), null, path)
    assert.equal(answer.headers.get('vary'), null, path)
    await answer.body?.cancel()
  }
})
