import type { TraceEvent } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { hrefOf } from '../../state/router.ts'
import { Moment } from '../../ui/ago.tsx'
import { Field } from '../../ui/field.tsx'
import { shortId, showNumber } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { Section } from '../../ui/section.tsx'
import { StateShape } from '../../ui/state-chip.tsx'
import { useTrace, type Following, type TraceGap, type TraceState } from './trace-tail.ts'

/** What happens in the queue, as it happens; of one key, if wanted. */
export function Trace({ queue }: { queue: string }) {
  const [key, setKey] = useState('')
  const [following, setFollowing] = useState<Following>()
  const { lines, dropped, state } = useTrace(queue, following)
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
      <p class="quiet" role="status">
        {following === undefined ? heldText(lines.length) : <StateText state={state} count={lines.length} />}
      </p>
      {dropped > 0 ? (
        <p class="quiet">
          {showNumber(dropped)} events were left out, because there were too many a second. A key narrows it
          down.
        </p>
      ) : null}
      {lines.length === 0 ? null : (
        <ol class="trace" aria-label="Events, newest first" tabIndex={0}>
          {lines.map((line, index) => (
            <li key={lines.length - index} class={'since' in line ? 'trace-gap' : undefined}>
              {'since' in line ? <Gap gap={line} /> : <Event event={line} />}
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}

const shapes: Readonly<Record<string, string>> = { accepted: 'ready', started: 'running', failed: 'warning' }

function Event({ event: { at, event, id, key, message } }: { event: TraceEvent }) {
  return (
    <>
      <Moment at={at} />
      <span class="trace-event">
        <StateShape state={shapes[event] ?? event} />
        {event}
      </span>
      <a class="mono" href={hrefOf(['items', id])} title={id}>
        {shortId(id)}
      </a>
      <span class="mono trace-key">{key ?? ''}</span>
      <span class="trace-message">{message ?? ''}</span>
    </>
  )
}

function Gap({ gap: { since, at } }: { gap: TraceGap }) {
  return (
    <>
      <Moment at={at} />
      <span>
        Gap: nothing was heard since <Moment at={since} />
      </span>
    </>
  )
}

const heldText = (count: number) =>
  count === 0 ? 'Follow shows each item as it is accepted, started, failed and done.' : 'Held.'

function StateText({ state, count }: { state: TraceState; count: number }) {
  if (state.kind === 'opening') return <>Connecting…</>
  if (state.kind === 'open') return <>{count === 0 ? 'Nothing has happened yet.' : 'Following.'}</>
  const why = state.problem?.message ?? 'The connection is lost'
  return <b class="trace-lost">{why}. What happens meanwhile is not shown. Trying again…</b>
}
