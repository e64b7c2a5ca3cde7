import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { isEffect, writeEvent, type Effect, type HistoryEvent, type Mark } from './history.ts'

/** What the process is told over IPC, and what it answers. */
export type SinkOrder =
  | { readonly op: 'mark'; readonly mark: Mark['op']; readonly node: string }
  | { readonly op: 'file'; readonly path: string }
  | { readonly op: 'count' }
export interface SinkCount {
  readonly attempts: number
  /** Different items that have ended well. */
  readonly ended: number
}

/**
 * The effect sink: the outside system that handlers act on, a process of its own. It stamps what it is told in one order,
 * appends it to its file before it answers, and refuses effects that come with an older token of the partition than it has
 * seen, unless it is told to record them like any others (`record`). A line is `op key n attempt token partition`, or `kill` or `fault` of who is about to do that to itself; the answers are `+` and `-`, one for each line.
 */
const [socketPath = '', firstFile = '', mode = 'refuse'] = process.argv.slice(2)
let file = firstFile
let seq = 0
let attempts = 0
let ended = new Set<string>()
const tokens = new Map<string, number>()

// The folder may have been used before.
rmSync(socketPath, { force: true })
writeFileSync(file, '')
const server = createServer(serve)
server.listen(socketPath, () => process.send?.('listening'))

process.on('message', (order: SinkOrder) => {
  if (order.op === 'mark') record([{ op: order.mark, seq: seq++, at: now(), node: order.node }])
  if (order.op === 'file') {
    file = order.path
    writeFileSync(file, '')
    attempts = 0
    ended = new Set()
  }
  process.send?.({ attempts, ended: ended.size } satisfies SinkCount)
})
process.on('disconnect', () => process.exit())

function serve(socket: Socket): void {
  let node = ''
  let rest = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (node === '') node = lines.shift() ?? ''
    const events = lines.map((line) => stamp(node, line))
    record(events)
    socket.write(events.map((event) => (isEffect(event) && event.refused ? '-' : '+')).join(''))
  })
  // A process that is killed resets its connection; what it had no answer to has not happened.
  socket.on('error', () => {})
  socket.on('close', () => record([{ op: 'gone', seq: seq++, at: now(), node }]))
}

function stamp(node: string, line: string): HistoryEvent {
  const [op, key = '', n, attempt, token, partition] = line.split(' ')
  if (op === 'kill' || op === 'fault') return { op, seq: seq++, at: now(), node }
  const highest = tokens.get(partition ?? '') ?? 0
  const isOld = Number(token) < highest
  if (!isOld) tokens.set(partition ?? '', Number(token))
  if (op === 'start') attempts++
  if (op === 'end' && !isOld) ended.add(`${key}#${n}`)
  return {
    op: op as Effect['op'],
    seq: seq++,
    at: now(),
    node,
    key,
    n: Number(n),
    attempt: Number(attempt),
    token: Number(token),
    partition: Number(partition),
    refused: isOld && mode === 'refuse',
  }
}

/** Comparable between processes, unlike `performance.now()`; and never set back, unlike `Date.now()`. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

function record(events: readonly HistoryEvent[]): void {
  if (events.length > 0) appendFileSync(file, events.map(writeEvent).join(''))
}
