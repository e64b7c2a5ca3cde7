import { isConnected } from './connection.ts'
import { refreshSession } from './session.ts'
import { createStore } from './store.ts'
import { holdStream } from './stream.ts'

/** What may have changed. */
export type Topic = 'overview' | 'queues' | 'item'

const topics: readonly Topic[] = ['overview', 'queues', 'item']
const pollEveryMs = 5_000

/** Whether changes are pushed (`stream`), asked for every few seconds (`poll`), or the person wants none. */
export const liveMode = createStore<'stream' | 'poll' | 'off'>('poll')

const listeners = new Map<Topic, Set<() => void>>(topics.map((topic) => [topic, new Set()]))
let end: (() => void) | undefined

/** @returns what ends it */
export function watchTopic(topic: Topic, listener: () => void): () => void {
  listeners.get(topic)?.add(listener)
  return () => listeners.get(topic)?.delete(listener)
}

function tell(topic: Topic): void {
  for (const listener of Array.from(listeners.get(topic) ?? [])) listener()
}

const tellAll = () => topics.forEach(tell)

/** Follows what changes, unless the person wants none. */
export function startLive(): () => void {
  if (liveMode.get() !== 'off') follow()
  return stopFollowing
}

export function setLive(isOn: boolean): void {
  if (isOn) {
    liveMode.set('poll')
    follow()
    tellAll()
  } else {
    stopFollowing()
    liveMode.set('off')
  }
}

function follow(): void {
  if (end) return
  const timer = setInterval(poll, pollEveryMs)
  const close = holdStream('/live', undefined, {
    opened() {
      liveMode.set('stream')
      // what happened while nobody listened
      tellAll()
    },
    told({ event }) {
      const topic = topics.find((each) => each === event)
      if (topic !== undefined) tell(topic)
    },
    ended({ wasOpen, isHidden }) {
      liveMode.set('poll')
      if (isHidden || !wasOpen) return
      isConnected.set(false)
      // it says whether the node is away, or only the session over
      void refreshSession().then(poll)
    },
  })
  end = () => {
    clearInterval(timer)
    close()
  }
}

function stopFollowing(): void {
  end?.()
  end = undefined
  if (liveMode.get() === 'stream') liveMode.set('poll')
}

/** The stream tells of figures, which nodes write down every few seconds; a single item may change without them. */
function poll(): void {
  if (document.visibilityState !== 'visible') return
  if (liveMode.get() === 'stream') tell('item')
  else if (liveMode.get() === 'poll') tellAll()
}
