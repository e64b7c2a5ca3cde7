import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createNode, type NodeOptions } from '../../src/index.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { application, secret } from './callback-setup.ts'
import { startReceiver, verified } from './receiver.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one process; this needs a server'
const callbacks = { secrets: [secret], allowHosts: ['127.0.0.1'] }

async function startNode(
  t: TestContext,
  options: Omit<NodeOptions, 'applications' | 'log'>,
): Promise<ChildProcess> {
  const module = fileURLToPath(import.meta.resolve('./callback-node-process.ts'))
  const child = fork(module, [JSON.stringify({ nodeTypes: ['background'], http: false, ...options })])
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** A node that takes requests and runs none. */
async function startDoor(t: TestContext, database: string) {
  const node = await createNode({
    applications: [application],
    database,
    nodeTypes: ['web'],
    http: { port: 0 },
    callbacks,
    log: false,
  })
  t.after(() => node.stop())
  await node.start()
  return {
    node,
    async queue(url: string): Promise<string> {
      const answer = await fetch(`${node.url}/services/flows/work`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'callback-url': url },
        body: '{}',
      })
      assert.equal(answer.status, 202)
      return ((await answer.json()) as { id: string }).id
    },
  }
}

test(
  'a node that dies between the end of an item and its callback loses none',
  { skip, timeout: 120_000 },
  async (t) => {
    const database = await freshDatabase()
    const receiver = await startReceiver(t)
    const door = await startDoor(t, database)
    // It settles, and has no secrets: what it puts on the road it cannot send.
    const settler = await startNode(t, { database })
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, at) => door.queue(receiver.url(`/status/204/${at}`))),
    )
    for (const id of ids) await door.node.result(id, { wait: '20s' })
    await kill(settler)
    assert.deepEqual(receiver.all, [])
    await startNode(t, { database, callbacks })
    const told = await Promise.all(ids.map((_, at) => receiver.until(`/status/204/${at}`, 1)))
    assert.deepEqual(
      told.map(([received]) => verified(received, [secret]).data['id']),
      ids,
    )
    assert.equal(receiver.all.length, ids.length)
  },
)

test(
  'a node that dies while it sends a callback sends it again, as the same',
  { skip, timeout: 120_000 },
  async (t) => {
    const database = await freshDatabase()
    const receiver = await startReceiver(t)
    const door = await startDoor(t, database)
    const sender = await startNode(t, { database, callbacks })
    const path = '/hang-once/a'
    const id = await door.queue(receiver.url(path))
    await receiver.until(path, 1)
    // the item has ended and is settled; its callback is on its way
    await door.node.result(id as never, { wait: '20s' })
    await kill(sender)
    await startNode(t, { database, callbacks })
    const [first, second] = await receiver.until(path, 2)
    assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id'])
    assert.equal(first?.body, second?.body)
    assert.equal(verified(second, [secret]).data['id'], id)
    const callbackId = second?.headers['webhook-id'] ?? ''
    assert.deepEqual(
      await door.node
        .result(callbackId as never, { wait: '20s' })
        .then((r: unknown) => Object.keys(r as object)),
      ['status', 'durationMs'],
    )
    assert.equal(receiver.at(path).length, 2)
  },
)
