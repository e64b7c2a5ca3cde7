import { checkHistory, type CheckInput, type Limits, type Verdict } from './check-history.ts'
import type { HistoryEvent } from './history.ts'

export const limits: Limits = { rerunsPerLoss: 2, restartMs: 12_000 }

/** Writes a history a line each: `start n1 k#3 @7` (token 7), `kill n1`, `at 9000`. */
export function history(text: string): HistoryEvent[] {
  let at = 0
  const events: HistoryEvent[] = []
  for (const line of text.trim().split('\n')) {
    const [op = '', node = '', item, token, ...flags] = line.trim().split(/\s+/)
    if (op === 'at') at = Number(node)
    else if (item === undefined) events.push({ op: op as 'kill', seq: events.length, at, node })
    else {
      const [key = '', n = ''] = item.split('#')
      events.push({
        op: op as 'start',
        seq: events.length,
        at,
        node,
        key,
        n: Number(n),
        attempt: flags.includes('again') ? 2 : 1,
        token: Number(token?.slice(1)),
        partition: 0,
        refused: flags.includes('refused'),
      })
    }
  }
  return events
}

export function check(accepted: string, text: string, more: Partial<CheckInput> = {}): Verdict {
  return checkHistory({ accepted: items(accepted), events: history(text), limits, ...more })
}

export function items(names: string) {
  return names.split(' ').map((name) => {
    const [key = '', n = ''] = name.split('#')
    return { key, n: Number(n) }
  })
}

export function kinds(verdict: Verdict): string[] {
  return [...new Set(verdict.violations.map((violation) => violation.kind))]
}
