import { closeSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

/** An item as the load client numbers it: the `n`th of its key, from 1. */
export interface ItemName {
  readonly key: string
  readonly n: number
}

/** What a handler told the effect sink: an attempt began, ended well, or failed. */
export interface Effect extends ItemName {
  readonly op: 'start' | 'end' | 'fail'
  /** The sink's own count, over all that it was told. */
  readonly seq: number
  /** Milliseconds since 1970 by the sink's monotonic clock. */
  readonly at: number
  /** The process, a new name for each. */
  readonly node: string
  readonly attempt: number
  /** The fencing token, `ctx.token`. */
  readonly token: number
  readonly partition: number
  /** The sink had seen a higher token of the partition, and let the handler have no effect. A sink that only records refuses none. */
  readonly refused: boolean
}

/**
 * What was done to a process, stamped by the sink; `gone` is the end of its connection, `fault` something that lets it lose
 * what it owns while it lives: the database or the network went away.
 */
export interface Mark {
  readonly op: 'kill' | 'pause' | 'resume' | 'stop' | 'gone' | 'fault'
  readonly seq: number
  readonly at: number
  readonly node: string
}

export type HistoryEvent = Effect | Mark

export function isEffect(event: HistoryEvent): event is Effect {
  return event.op === 'start' || event.op === 'end' || event.op === 'fail'
}

/**
 * Reads a history that the sink has written: a JSON array a line, in the order of {@link writeEvent}. Piece by piece: that of ten
 * minutes is longer than a string can be. Names are kept once each.
 */
export function readHistory(path: string): HistoryEvent[] {
  const events: HistoryEvent[] = []
  const names = new Map<unknown, string>()
  const nameOf = (text: string): string => names.get(text) ?? (names.set(text, text), text)
  for (const line of linesOf(path)) {
    const [seq, at, op, node, key, n, attempt, token, partition, refused] = JSON.parse(line) as [
      number,
      number,
      string,
      string,
      string | undefined,
      ...unknown[],
    ]
    const mark = { seq, at, op: nameOf(op), node: nameOf(node) }
    events.push(
      (key === undefined
        ? mark
        : { ...mark, key: nameOf(key), n, attempt, token, partition, refused }) as HistoryEvent,
    )
  }
  return events
}

function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r')
  try {
    const piece = Buffer.alloc(16_000_000)
    const decoder = new StringDecoder('utf8')
    let rest = ''
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      const lines = (rest + decoder.write(piece.subarray(0, length))).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest !== '') yield rest
  } finally {
    closeSync(file)
  }
}

export function writeEvent(event: HistoryEvent): string {
  const { seq, at, op, node } = event
  const effect = isEffect(event)
    ? [event.key, event.n, event.attempt, event.token, event.partition, event.refused]
    : []
  return `${JSON.stringify([seq, Math.round(at * 100) / 100, op, node, ...effect])}\n`
}
