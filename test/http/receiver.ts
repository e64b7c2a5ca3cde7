import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import type { Received, ReceiverPorts, Tally } from './receiver-process.ts'

export type { Received } from './receiver-process.ts'

/** What a callback says. */
export interface CallbackBody {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Receiver extends ReceiverPorts {
  /** The URL of a behaviour, `/status/200/name`. */
  url(path: string): string
  /** What came to a path, so far. */
  at(path: string): Received[]
  readonly all: readonly Received[]
  /** Waits until so much has come to a path. */
  until(path: string, count: number): Promise<Received[]>
  /** So far. */
  tally(): Promise<Tally>
}

/** A test, or whatever else ends what was begun with it. */
interface Ending {
  after(end: () => unknown): void
}

/** Starts a receiver in a process of its own; it ends with the test. */
export async function startReceiver(t: Ending): Promise<Receiver> {
  const child = fork(fileURLToPath(import.meta.resolve('./receiver-process.ts')))
  t.after(() => child.kill('SIGKILL'))
  const all: Received[] = []
  const changed = new EventTarget()
  setMaxListeners(0, changed)
  let tallied: ((tally: Tally) => void) | undefined
  const ports = Promise.withResolvers<ReceiverPorts>()
  child.on('message', (message: Partial<Received> & { ports?: ReceiverPorts; tally?: Tally }) => {
    if (message.ports) return ports.resolve(message.ports)
    if (message.tally) return tallied?.(message.tally)
    all.push(message as Received)
    return changed.dispatchEvent(new Event('change'))
  })
  const where = await ports.promise
  const at = (path: string): Received[] => all.filter((one) => one.path === path)
  return {
    ...where,
    all,
    url: (path) => `http://127.0.0.1:${where.http}${path}`,
    at,
    async until(path, count) {
      const deadline = AbortSignal.timeout(30_000)
      while (at(path).length < count)
        await once(changed, 'change', { signal: deadline }).catch((error: unknown) => {
          throw new Error(`${path} got ${at(path).length} of ${count}`, { cause: error })
        })
      return at(path)
    },
    tally: () =>
      new Promise((resolve) => {
        tallied = resolve
        child.send('tally')
      }),
  }
}

/** Checks a callback with the reference library, and gives what it says. */
export function verified(received: Received | undefined, secrets: readonly string[]): CallbackBody {
  assert.ok(received, 'nothing was received')
  for (const secret of secrets) new Webhook(secret).verify(received.body, { ...received.headers })
  return JSON.parse(received.body) as CallbackBody
}
