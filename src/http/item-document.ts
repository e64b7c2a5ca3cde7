import type { Item } from '../define/item.ts'
import { problemOfFailure } from './problem.ts'

export interface ItemLinks {
  readonly self: string
  readonly result: string
  readonly events: string
}

/** Where an item is found, below the base path. */
export function linksOf(id: string, basePath: string): ItemLinks {
  const self = `${basePath}/queue-items/${id}`
  return { self, result: `${self}/result`, events: `${self}/events` }
}

/** An item as `GET /queue-items/{id}` shows it. Members without a value are left out by JSON. */
export function itemDocument(item: Item, basePath: string): object {
  return {
    id: item.id,
    state: item.state,
    [item.kind === 'service' ? 'service' : 'processor']: item.processor,
    application: item.application,
    queue: item.queue,
    key: item.key,
    attempts: item.attempts,
    enqueuedAt: item.enqueuedAt,
    startedAt: item.startedAt,
    endedAt: item.endedAt,
    dueAt: item.dueAt,
    reason: item.reason,
    progress: item.progress,
    // what the result would answer, so that nobody has to fetch both
    error: item.error && problemOfFailure(item.error),
    correlationId: item.context.correlationId,
    links: linksOf(item.id, basePath),
  }
}

/** `Retry-After` of an item that has not ended: when its next attempt is due, 1 s to 1 h; else a second. */
export function retryAfter(item: Item | undefined): string {
  const dueInMs = item?.dueAt ? item.dueAt.getTime() - Date.now() : 0
  return String(Math.min(Math.max(Math.ceil(dueInMs / 1000), 1), 3600))
}
