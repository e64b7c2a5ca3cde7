import { operateUrl } from '../api/base-path.ts'
import { isConnected } from './connection.ts'
import { refreshSession } from './session.ts'
import { createStore } from './store.ts'

/** What may have changed. */
export type Topic = 'overview' | 'queues' | 'item'

const topics: readonly Topic[] = ['overview', 'queues', 'item']
const pollEveryMs = 5_000
const firstRetryMs = 1_000
const lastRetryMs = 15_000

/** Whether changes are pushed (`stream`), asked for every few seconds (`poll`), or the person wants none. */
export const liveMode = createStore<'stream' | 'poll' | 'off'>('poll')

const listeners = new Map<Topic, Set<() => void>>(topics.map((topic) => [topic, new Set()]))
let source: EventSource | undefined
let retryTimer: ReturnType<typeof setTimeout> | undefined
let retryMs = firstRetryMs
let pollTimer: ReturnType<typeof setInterval> | undefined

/** @returns what ends it */
export function watchTopic(topic: Topic, listener: () => void): () => void {
  listeners.get(topic)?.add(listener)
  return () => listeners.get(topic)?.delete(listener)
}

function tell(topic: Topic): void {
  for (const listener of Array.from(listeners.get(topic) ?? [])) listener()
}

const tellAll = () => topics.forEach(tell)

/**
 * Listens while the page is visible: a browser has six connections to a node that speaks HTTP/1.1, and tabs in the
 * background would hold them.
 */
export function startLive(): () => void {
  const onVisibility = () => (document.visibilityState === 'visible' ? open() : close())
  document.addEventListener('visibilitychange', onVisibility)
  // a page that is kept for the Back button would keep its connection, too
  window.addEventListener('pagehide', close)
  window.addEventListener('pageshow', onVisibility)
  onVisibility()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    window.removeEventListener('pagehide', close)
    window.removeEventListener('pageshow', onVisibility)
    close()
  }
}

export function setLive(isOn: boolean): void {
  if (isOn) {
    liveMode.set('poll')
    open()
    tellAll()
  } else {
    close()
    liveMode.set('off')
  }
}

function open(): void {
  if (liveMode.get() === 'off' || source) return
  pollTimer ??= setInterval(poll, pollEveryMs)
  const opened = new EventSource(operateUrl('/live'))
  source = opened
  opened.onopen = () => {
    retryMs = firstRetryMs
    liveMode.set('stream')
    isConnected.set(true)
    // what happened while nobody listened
    tellAll()
  }
  for (const topic of topics) opened.addEventListener(topic, () => tell(topic))
  opened.onerror = () => retryLater()
}

/** The browser retries by itself, but not after an answer that is no stream: so it is done here in every case. */
function retryLater(): void {
  const wasOpen = liveMode.get() === 'stream'
  source?.close()
  source = undefined
  if (liveMode.get() !== 'off') liveMode.set('poll')
  if (wasOpen) {
    isConnected.set(false)
    // it says whether the node is away, or only the session over
    void refreshSession().then(() => poll())
  }
  clearTimeout(retryTimer)
  retryTimer = setTimeout(() => document.visibilityState === 'visible' && open(), retryMs)
  retryMs = Math.min(retryMs * 2, lastRetryMs)
}

/** The stream tells of figures, which nodes write down every few seconds; a single item may change without them. */
function poll(): void {
  if (document.visibilityState !== 'visible') return
  if (liveMode.get() === 'stream') tell('item')
  else if (liveMode.get() === 'poll') tellAll()
}

function close(): void {
  clearTimeout(retryTimer)
  clearInterval(pollTimer)
  pollTimer = undefined
  source?.close()
  source = undefined
  if (liveMode.get() === 'stream') liveMode.set('poll')
}
