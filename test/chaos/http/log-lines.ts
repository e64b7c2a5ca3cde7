import { readFile } from 'node:fs/promises'

/** What a node's log is made of. */
export interface LogLines {
  readonly lines: number
  /** That are no JSON, or none of ours. */
  readonly odd: readonly string[]
  /** How many there are of each event. */
  readonly byEvent: Readonly<Record<string, number>>
}

/** Reads a log of JSON lines as whatever gathers logs does: by the line end. */
export async function readLogLines(file: string): Promise<LogLines> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  const byEvent: Record<string, number> = {}
  const odd: string[] = []
  for (const line of lines) {
    const event = eventOf(line)
    if (event === undefined) odd.push(line)
    else byEvent[event] = (byEvent[event] ?? 0) + 1
  }
  return { lines: lines.length, odd, byEvent }
}

function eventOf(line: string): string | undefined {
  // A terminal acts on these, whatever else it is.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f]/.test(line)) return undefined
  try {
    const { name, event, forged } = JSON.parse(line) as Record<string, unknown>
    return name === 'coatcheck' && typeof event === 'string' && forged === undefined ? event : undefined
  } catch {
    return undefined
  }
}
