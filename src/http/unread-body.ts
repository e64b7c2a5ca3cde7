import type { IncomingMessage } from 'node:http'

/** More of a refused body than this is not worth a connection. */
const maxBytes = 16 * 1024 * 1024
/** Nor is one that does not go on. */
const silenceMs = 2_000

/**
 * The next request of a connection comes behind the body: what nobody wanted of it is read and forgotten, as long as it comes
 * and does not become too much. The server's own bounds on a request hold beside.
 */
export function readOver(incoming: IncomingMessage): void {
  if (incoming.readableEnded || incoming.destroyed) return
  const { socket } = incoming
  const giveUp = (): void => void socket.destroy()
  const silence = setTimeout(giveUp, silenceMs)
  const end = (): void => clearTimeout(silence)
  let length = 0
  incoming.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) giveUp()
    else silence.refresh()
  })
  incoming.once('end', end).once('close', end)
  incoming.once('error', giveUp)
  incoming.resume()
}
