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

/** What stands in place of what may be secret. */
const hidden = '•••'

/**
 * An item as `GET /queue-items/{id}` shows it. Members without a value are left out by JSON.
 * @param isHidden what may hold a secret is not for who asks: `redacted` says which members
 */
export function itemDocument(item: Item, basePath: string, isHidden = false): object {
  const document = documentOf(item, basePath)
  if (!isHidden) return document
  const { key, progress, error } = document
  const members = { key, progress, error }
  const { detail: _detail, errors: _errors, ...problem } = error ?? {}
  return {
    ...document,
    ...(key !== null && { key: hidden }),
    ...(progress !== undefined && { progress: hidden }),
    ...(error && { error: { ...problem, detail: hidden } }),
    redacted: Object.entries(members).flatMap(([name, value]) =>
      value === undefined || value === null ? [] : [name === 'error' ? '/error/detail' : `/${name}`],
    ),
  }
}

function documentOf(item: Item, basePath: string) {
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
