import { Webhook } from 'standardwebhooks'
import type { Received } from '../../http/receiver.ts'

export interface CallbackFaults {
  /** Requests that the library of Standard Webhooks would not take, or whose time is not that of the attempt. */
  readonly unsigned: number
  /** Receivers' paths, one for each callback, that saw several `webhook-id`s; and ids that several paths saw. */
  readonly otherIds: number
  /** Paths whose body changed from one attempt to the next. */
  readonly otherBodies: number
}

/** A clock that is off by more is not this machine's. */
const clockMs = 5_000

/** @param received all that came; each path is a callback's own */
export function checkCallbacks(received: readonly Received[], secrets: readonly string[]): CallbackFaults {
  const paths = Map.groupBy(received, ({ path }) => path)
  const idsOf = (all: readonly Received[]): string[] => [
    ...new Set(all.map(({ headers }) => headers['webhook-id'] ?? '')),
  ]
  const ids = [...paths.values()].map(idsOf)
  return {
    unsigned: received.filter((one) => !isSigned(one, secrets)).length,
    otherIds:
      ids.filter((some) => some.length !== 1).length + ids.length - new Set(ids.map(([id]) => id)).size,
    otherBodies: [...paths.values()].filter((all) => new Set(all.map(({ body }) => body)).size > 1).length,
  }
}

/** By each secret, as one receiver has one of them. The library takes only what is new, so it is asked for the signature. */
function isSigned({ headers, body, at }: Received, secrets: readonly string[]): boolean {
  const {
    'webhook-id': id = '',
    'webhook-timestamp': seconds = '',
    'webhook-signature': given = '',
  } = headers
  const sentAt = new Date(Number(seconds) * 1_000)
  if (id === '' || !(Math.abs(at - sentAt.getTime()) <= clockMs)) return false
  return secrets.every((secret) => given.split(' ').includes(new Webhook(secret).sign(id, sentAt, body)))
}
