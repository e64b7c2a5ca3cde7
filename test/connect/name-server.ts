import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { askNameServers, type Resolve } from '../../src/connect/host-addresses.ts'

/** A name server over UDP on loopback that answers A queries from a list for each name: another one each time it is asked. */
export async function startNameServer(
  t: TestContext,
  zone: Readonly<Record<string, readonly (readonly string[])[]>>,
): Promise<{ readonly resolve: Resolve; readonly asked: string[] }> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const { name, end, type } = readQuestion(query)
    const answers = zone[name] ?? []
    const turn = asked.filter((each) => each === name).length
    if (type === 1) asked.push(name)
    const found = type === 1 ? (answers[Math.min(turn, answers.length - 1)] ?? []) : []
    socket.send(answer(query, end, found), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => new Promise<void>((done) => socket.close(() => done())))
  const servers = [`127.0.0.1:${socket.address().port}`]
  return { resolve: (host) => askNameServers(host, servers), asked }
}

function readQuestion(query: Buffer): { name: string; end: number; type: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5, type: query.readUInt16BE(at + 1) }
}

function answer(query: Buffer, end: number, addresses: readonly string[]): Buffer {
  const head = Buffer.from(query.subarray(0, end))
  // an answer, recursion available, no error; one question
  head.writeUInt16BE(0x8180, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  const records = addresses.map((address) =>
    // the name of the question, A, IN, no time to live, four bytes
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  )
  return Buffer.concat([head, ...records])
}
