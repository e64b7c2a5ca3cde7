import { isEffect, type HistoryEvent } from './history.ts'

export interface Holders {
  /** How often a partition had another token than before, by what the sink let happen. */
  readonly turns: number
  /** Effects that happened with a token which two nodes had. */
  readonly shared: number
}

/** One valid holder of a partition: each token belongs to one node. Whether tokens fall is {@link checkHistory}'s to say. */
export function checkHolders(events: readonly HistoryEvent[]): Holders {
  const holders = new Map<string, string>()
  const highest = new Map<number, number>()
  let turns = 0
  let shared = 0
  for (const event of events) {
    if (!isEffect(event)) continue
    const { partition, token, node } = event
    const name = `${partition} ${token}`
    const holder = holders.get(name)
    if (holder === undefined) holders.set(name, node)
    else if (holder !== node) shared++
    const before = highest.get(partition) ?? 0
    if (token > before) turns++
    highest.set(partition, Math.max(before, token))
  }
  return { turns, shared }
}
