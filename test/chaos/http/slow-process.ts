import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** How many sockets it holds to a port of this machine, or opens again: JSON in its first argument. */
export interface SlowSettings {
  readonly port: number
  readonly sockets: number
}

/** What it tells: that it holds as many as it was to, and, when it is told to end, how it went. */
export type SlowNews = 'held' | SlowReport

export interface SlowReport {
  /** The most that were held at once. */
  readonly held: number
  /** Connections that were opened, those that took the place of ended ones included. */
  readonly opened: number
  /** Connections that were ended as soon as they were there, without a word. */
  readonly turnedAway: number
  /** Connections for which this machine had no file or port left. */
  readonly lacking: number
  /** How long one of a kind was there at most, those included that still were at the end. */
  readonly longestMs: Readonly<Record<string, number>>
  /** First lines of what was answered, and how often. */
  readonly answers: Readonly<Record<string, number>>
}

const host = 'Host: localhost\r\n'
const post = `POST /services/chaos/echo HTTP/1.1\r\n${host}Content-Type: application/json\r\n`

/** What is sent at once, and what then comes a piece at a time. */
const kinds: Readonly<Record<string, { readonly first: string; readonly next?: string }>> = {
  'says nothing': { first: '' },
  'a byte of TLS at a time': { first: '\x16\x03\x01', next: '\0' },
  'a byte of a request line at a time': { first: 'GET /', next: 'a' },
  'a byte of a header at a time': { first: `GET / HTTP/1.1\r\n${host}X: `, next: 'a' },
  'a header at a time': { first: `GET / HTTP/1.1\r\n${host}`, next: 'X: a\r\n' },
  'a byte of a body at a time': { first: `${post}Content-Length: 100000\r\n\r\n["`, next: 'a' },
  'a chunk of a byte at a time': {
    first: `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n`,
    next: '1\r\n1\r\n',
  },
  'a byte of a chunk extension at a time': {
    first: `${post}Transfer-Encoding: chunked\r\n\r\n1;`,
    next: 'a',
  },
  'a body that does not come': { first: `${post}Content-Length: 100000\r\n\r\n` },
  'a body for nobody, a byte at a time': {
    first: `POST /nothing HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`,
    next: 'a',
  },
  'one request, then half of another': {
    first: `GET /healthz HTTP/1.1\r\n${host}\r\nGET /healthz HTTP/1.1\r\n${host}X: `,
    next: 'a',
  },
  'one request, then silence': { first: `GET /healthz HTTP/1.1\r\n${host}\r\n` },
}

const lacks = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS'])
const everyMs = 5_000
/**
 * A place is taken again so long after it was taken, and a bit: what is tried is sockets that are held, not ever new ones. Not all at
 * once, for those whose time is up are ended together, and thousands that come in the same moment are too many for any queue of
 * connections.
 */
const againMs = { least: 10_000, spread: 2_000 }
const openedPerSecond = 1_000
/** One that is ended sooner, and without a word, was not let in. */
const turnedAwayMs = 50

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as SlowSettings)

async function main({ port, sockets }: SlowSettings): Promise<void> {
  const names = Object.keys(kinds)
  const open = new Map<object, { readonly kind: string; readonly since: number }>()
  const longestMs: Record<string, number> = {}
  const answers: Record<string, number> = {}
  const all = { held: 0, opened: 0, turnedAway: 0, lacking: 0 }
  let isOver = false
  const note = (kind: string, since: number): void => {
    longestMs[kind] = Math.max(longestMs[kind] ?? 0, performance.now() - since)
  }

  /** Holds one place: when its connection is ended it opens the next. */
  async function hold(kind: string): Promise<void> {
    while (!isOver) {
      const began = performance.now()
      await holdOne(kind)
      const left = againMs.least - (performance.now() - began)
      await delay(Math.max(0, left) + Math.random() * againMs.spread)
    }
  }

  async function holdOne(kind: string): Promise<void> {
    const { first, next } = kinds[kind] ?? { first: '' }
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = connect({ port, host: '127.0.0.1' })
    let since: number | undefined
    let said = ''
    let timer: NodeJS.Timeout | undefined
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (lacks.has(code ?? '')) all.lacking++
      socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => (said ||= chunk.toString('latin1').split('\r\n')[0] ?? ''))
    socket.on('connect', () => {
      since = performance.now()
      all.opened++
      open.set(socket, { kind, since })
      all.held = Math.max(all.held, open.size)
      if (first !== '') socket.write(Buffer.from(first, 'latin1'))
      if (next !== undefined) timer = setInterval(() => socket.write(Buffer.from(next, 'latin1')), everyMs)
    })
    socket.on('close', () => {
      clearInterval(timer)
      open.delete(socket)
      const isAway = since === undefined || (said === '' && performance.now() - since < turnedAwayMs)
      if (isAway) all.turnedAway++
      else if (since !== undefined) note(kind, since)
      if (said !== '') answers[said] = (answers[said] ?? 0) + 1
      resolve()
    })
    return promise
  }

  process.on('disconnect', () => process.exit(1))
  process.on('message', () => {
    isOver = true
    for (const { kind, since } of open.values()) note(kind, since)
    process.send?.({ ...all, longestMs, answers } satisfies SlowReport)
  })
  for (let at = 0; at < sockets; at++) {
    void hold(names[at % names.length] as string)
    if (at % 20 === 0) await delay((20 * 1_000) / openedPerSecond)
  }
  process.send?.('held' satisfies SlowNews)
}
