import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A test, or whatever else ends what was begun with it. */
interface Ending {
  after(end: () => unknown): void
}

/** Starts an issuer of tokens in a process of its own; it ends with the test. */
export async function startIssuer(t: Ending, port = 0) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'issuer-process.ts'), String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  t.after(kill)
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const url = line.trim()
  const order = async (path: string, body: object) => {
    const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) })
    return (await answer.json()) as Record<string, unknown>
  }
  const now = () => Math.floor(Date.now() / 1000)
  return {
    url,
    kill,
    /** A token that is good for five minutes, unless the claims say otherwise. */
    async sign(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> {
      const all = { iss: url, aud: 'coatcheck', sub: 'ada', iat: now(), exp: now() + 300, ...claims }
      return (await order('/sign', { claims: all, header }))['token'] as string
    },
    rotate: () => order('/rotate', {}),
    behave: (how: { status: number; named?: string }) => order('/behave', how),
    counts: async () => (await order('/counts', {})) as { configuration: number; keys: number },
  }
}
