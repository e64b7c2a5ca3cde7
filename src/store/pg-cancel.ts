import { connect } from 'node:net'

const cancelRequestCode = 80877102
const patienceMs = 2000

/**
 * Asks the server to cancel what runs on the client's connection (PostgreSQL protocol, CancelRequest): a connection that we
 * merely drop would go on waiting for its lock, and hold its own. A request only; nobody waits for it.
 */
export function cancelOnServer(client: object): void {
  const { host, port, processID, secretKey } = client as {
    host?: unknown
    port?: unknown
    processID?: unknown
    secretKey?: unknown
  }
  if (typeof host !== 'string' || typeof processID !== 'number' || typeof secretKey !== 'number') return
  const packet = Buffer.alloc(16)
  packet.writeInt32BE(16, 0)
  packet.writeInt32BE(cancelRequestCode, 4)
  packet.writeInt32BE(processID, 8)
  packet.writeInt32BE(secretKey, 12)
  const portNumber = Number(port) || 5432
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${portNumber}`) : connect(portNumber, host)
  socket.unref()
  socket.setTimeout(patienceMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.end(packet)
}
