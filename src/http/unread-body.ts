import type { IncomingMessage } from 'node:http'

/** More of a refused body than this is not worth a connection. */
const maxBytes = 16 * 1024 * 1024
/** Nor is one that does not go on. */
const silenceMs = 2_000

/**
 * The next request of a connection comes behind the body: what nobody wanted of it is read and forgotten, as long as it comes
 * and does not become too much. The server's own bounds on a request hold beside.
 * @returns resolves when no more is read; undefined where there is nothing left to read
 */
export function readOver(incoming: IncomingMessage): Promise<void> | undefined {
  if (incoming.readableEnded || incoming.destroyed) return undefined
  const { promise, resolve } = Promise.withResolvers<void>()
  const { socket } = incoming
  const giveUp = (): void => void socket.destroy()
  const silence = setTimeout(giveUp, silenceMs)
  const end = (): void => {
    clearTimeout(silence)
    resolve()
  }
  let length = 0
  incoming.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) giveUp()
    else silence.refresh()
  })
  incoming.once('end', end).once('close', end)
  incoming.once('error', giveUp)
  incoming.resume()
  return promise
}
