import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number
  /** By lower-case name, as a list: a header may come twice. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

export interface Wire {
  /** In the order in which they came; interim ones (1xx) too. */
  readonly answers: readonly WireAnswer[]
  /** Whether the server ended the connection. */
  readonly closed: boolean
  /** What came behind the last answer that could be read. */
  readonly rest: string
}

export interface WireOptions {
  /** How many answers have no body because a HEAD asked: their places in the order. */
  readonly heads?: readonly number[]
  /** Ends the exchange once so many answers are there; unless set, when the server ends the connection. */
  readonly answers?: number
  /** The longest that it waits for either. */
  readonly withinMs?: number
}

/** Sends bytes as they are, a part after the other, and reads what comes back as RFC 9112 frames it. */
export async function exchange(
  port: number,
  parts: string | readonly (string | Buffer)[],
  { heads = [], answers: wanted = Infinity, withinMs = 8_000 }: WireOptions = {},
): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let received = Buffer.alloc(0)
  let closed = false
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (parse(received, heads).answers.length >= wanted) resolve()
  })
  // a reset is an end too
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
    resolve()
  })
  for (const part of typeof parts === 'string' ? [parts] : parts)
    // latin1: each character a byte
    socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)
  const timer = setTimeout(resolve, withinMs)
  await promise
  clearTimeout(timer)
  socket.destroy()
  return { ...parse(received, heads), closed }
}

function parse(bytes: Buffer, heads: readonly number[]): Omit<Wire, 'closed'> {
  const answers: WireAnswer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    const head = end < 0 ? undefined : readHead(bytes.toString('latin1', at, end))
    const body = head && readBody(bytes, end + 4, head, heads.includes(answers.length))
    if (!head || !body) return { answers, rest: bytes.toString('latin1', at) }
    answers.push({ ...head, body: body.text })
    at = body.end
  }
}

function readHead(text: string): Omit<WireAnswer, 'body'> | undefined {
  const [line = '', ...lines] = text.split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(line) ?? []
  if (status === undefined) return undefined
  const headers = new Map<string, string[]>()
  for (const each of lines) {
    const [, name = '', value = ''] = /^([^:\s]+):[ \t]*(.*)$/.exec(each) ?? []
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
  }
  return { status: Number(status), headers }
}

function readBody(
  bytes: Buffer,
  start: number,
  { status, headers }: Omit<WireAnswer, 'body'>,
  isHead: boolean,
): { text: string; end: number } | undefined {
  if (isHead || status < 200 || status === 204 || status === 304) return { text: '', end: start }
  if (headers.get('transfer-encoding')?.[0] === 'chunked') return readChunks(bytes, start)
  const end = start + Number(headers.get('content-length')?.[0] ?? bytes.length - start)
  return end > bytes.length ? undefined : { text: bytes.toString('utf8', start, end), end }
}

function readChunks(bytes: Buffer, start: number): { text: string; end: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (next > bytes.length) return undefined
    if (size === 0) return { text: Buffer.concat(chunks).toString('utf8'), end: next }
    chunks.push(bytes.subarray(lineEnd + 2, next - 2))
    at = next
  }
}
