import { operateUrl } from '../../api/base-path.ts'
import { tracePath, type TraceEvent } from '../../api/queues.ts'
import { useEffect, useState } from '../../preact.ts'
import { hrefOf } from '../../state/router.ts'
import { Moment } from '../../ui/ago.tsx'
import { Field } from '../../ui/field.tsx'
import { shortId, showNumber } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { Section } from '../../ui/section.tsx'
import { StateShape } from '../../ui/state-chip.tsx'

const kept = 300
const drawEveryMs = 200

interface Following {
  readonly key: string
}

/** What happens in the queue, as it happens; of one key, if wanted. */
export function Trace({ queue }: { queue: string }) {
  const [key, setKey] = useState('')
  const [following, setFollowing] = useState<Following>()
  const { events, dropped, state } = useTrace(queue, following)
  return (
    <Section
      title="Trace"
      aside={
        <form
          class="trace-form"
          onSubmit={(event) => {
            event.preventDefault()
            setFollowing(following === undefined ? { key: key.trim() } : undefined)
          }}
        >
          <Field label="Of the key (empty: all)" value={key} onValue={setKey} />
          <button type="submit" class="button">
            <Icon name={following === undefined ? 'play' : 'stop'} />
            {following === undefined ? 'Follow' : 'Hold'}
          </button>
        </form>
      }
    >
      {events.length === 0 ? <p class="quiet">{waitingText(following, state)}</p> : null}
      {dropped > 0 ? (
        <p class="quiet">
          {showNumber(dropped)} events were left out, because there were too many a second. A key narrows it
          down.
        </p>
      ) : null}
      {events.length === 0 ? null : (
        <ol class="trace" aria-label="Events, newest first" tabIndex={0}>
          {events.map((event, index) => (
            <li key={events.length - index}>
              <Moment at={event.at} />
              <span class="trace-event">
                <StateShape state={shapes[event.event] ?? event.event} />
                {event.event}
              </span>
              <a class="mono" href={hrefOf(['items', event.id])} title={event.id}>
                {shortId(event.id)}
              </a>
              <span class="mono trace-key">{event.key ?? ''}</span>
              <span class="trace-message">{event.message ?? ''}</span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}

const shapes: Readonly<Record<string, string>> = { accepted: 'ready', started: 'running', failed: 'warning' }

function waitingText(following: Following | undefined, state: TraceState): string {
  if (following === undefined) return 'Follow shows each item as it is accepted, started, failed and done.'
  return state === 'open' ? 'Nothing has happened yet.' : 'Connecting…'
}

type TraceState = 'closed' | 'open'

function useTrace(queue: string, following: Following | undefined) {
  const [events, setEvents] = useState<readonly TraceEvent[]>([])
  const [dropped, setDropped] = useState(0)
  const [state, setState] = useState<TraceState>('closed')
  useEffect(() => {
    if (following === undefined) return undefined
    setEvents([])
    setDropped(0)
    let waiting: TraceEvent[] = []
    let lost = 0
    const source = new EventSource(operateUrl(tracePath(queue), { key: following.key }))
    source.onopen = () => setState('open')
    source.onerror = () => setState('closed')
    source.addEventListener('item', ({ data }: MessageEvent<string>) =>
      waiting.unshift(JSON.parse(data) as TraceEvent),
    )
    source.addEventListener('dropped', ({ data }: MessageEvent<string>) => {
      lost += countOf(data)
    })
    // a busy queue would have the page drawn a thousand times a second
    const timer = setInterval(() => {
      if (waiting.length > 0) {
        const come = waiting
        waiting = []
        setEvents((before) => [...come, ...before].slice(0, kept))
      }
      if (lost > 0) {
        const more = lost
        lost = 0
        setDropped((before) => before + more)
      }
    }, drawEveryMs)
    return () => {
      clearInterval(timer)
      source.close()
      setState('closed')
    }
  }, [queue, following])
  return { events, dropped, state }
}

function countOf(data: string): number {
  try {
    const value = JSON.parse(data) as { count?: unknown; dropped?: unknown } | number
    const count = typeof value === 'number' ? value : (value.count ?? value.dropped)
    return typeof count === 'number' ? count : 1
  } catch {
    return 1
  }
}
