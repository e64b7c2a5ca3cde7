import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Endings } from '../endings.ts'

/** What stands between clients and a node, and resets a client's connection in place of giving it its answer. */
export interface AnswerThief {
  readonly url: string
  /** How many answers did not come through: the node had said them, so what they told of was committed. */
  stolen(): number
}

/** Lets whatever is asked through to a port of this machine, and no answer back. */
export async function startAnswerThief(port: number, endings: Endings): Promise<AnswerThief> {
  let stolen = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream)
    upstream.once('data', () => {
      stolen++
      client.resetAndDestroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  endings.add('network that loses answers', () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stolen: () => stolen }
}
