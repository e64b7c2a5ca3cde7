import type { TimelineEntry } from '../../api/items.ts'
import { useState } from '../../preact.ts'
import { clock } from '../../state/clock.ts'
import { useStore } from '../../state/store.ts'
import { Moment } from '../../ui/ago.tsx'
import { showDuration, showName } from '../../ui/format.ts'
import { JsonView } from '../../ui/json-view.tsx'
import { StateShape } from '../../ui/state-chip.tsx'
import { openSegment, timelineSteps, type Segment } from './timeline-segments.ts'

const shownAtFirst = 200

/** One line from the door to the end: what happened, and how long it waited and ran in between. */
export function Timeline({ entries, state }: { entries: readonly TimelineEntry[]; state: string }) {
  const now = useStore(clock)
  const [isWhole, setWhole] = useState(false)
  const all = timelineSteps(entries)
  const steps = isWhole ? all : all.slice(-shownAtFirst)
  const open = openSegment(state, entries, now)
  const segments = [...all.flatMap(({ before }) => before), ...(open === undefined ? [] : [open])].filter(
    ({ kind }) => kind !== 'rest',
  )
  return (
    <>
      <Ribbon segments={segments} />
      {steps.length < all.length ? (
        <button type="button" class="link-button" onClick={() => setWhole(true)}>
          {all.length - steps.length} earlier entries
        </button>
      ) : null}
      <ol class="timeline">
        {steps.map(({ entry, before }, index) => (
          <li key={index} class="timeline-entry" data-kind={entry.kind}>
            {before.map((segment, at) => (
              <SegmentLine key={at} segment={segment} />
            ))}
            <Entry entry={entry} />
          </li>
        ))}
        {open === undefined ? null : (
          <li class="timeline-entry" data-kind="open">
            <SegmentLine segment={open} />
          </li>
        )}
      </ol>
    </>
  )
}

/** All of it at a glance, to scale. */
function Ribbon({ segments }: { segments: readonly Segment[] }) {
  const sum = (kind: Segment['kind']) =>
    segments.filter((segment) => segment.kind === kind).reduce((total, { ms }) => total + ms, 0)
  const [waited, ran] = [sum('wait'), sum('run')]
  if (waited + ran < 1) return null
  const text = `Waited ${showDuration(waited)}, ran ${showDuration(ran)}`
  return (
    <div class="ribbon-box">
      <div class="ribbon" role="img" aria-label={text}>
        {segments.map(({ kind, ms, isOpen }, index) => (
          <i
            key={index}
            data-kind={kind}
            data-open={isOpen}
            style={{ flexGrow: ms }}
            title={`${kind} ${showDuration(ms)}`}
          />
        ))}
      </div>
      <p class="ribbon-key" aria-hidden="true">
        <span data-kind="wait">waited {showDuration(waited)}</span>
        <span data-kind="run">ran {showDuration(ran)}</span>
      </p>
    </div>
  )
}

const verbs = { run: 'ran', wait: 'waited', rest: 'then nothing for' } as const
const openVerbs = { run: 'running for', wait: 'waiting for', rest: 'nothing since' } as const

function SegmentLine({ segment: { kind, ms, attempt, isOpen } }: { segment: Segment }) {
  const verb = isOpen ? openVerbs[kind] : verbs[kind]
  return (
    <div class="segment" data-kind={kind} data-open={isOpen}>
      <span>
        {verb} {showDuration(ms)}
        {kind === 'run' && attempt > 0 ? <small> attempt {attempt}</small> : null}
      </span>
    </div>
  )
}

/** The shapes of states stand for the entries that lead to them. */
const shapes: Readonly<Record<string, string>> = {
  accepted: 'ready',
  started: 'running',
  failed: 'warning',
  stuck: 'warning',
}

/** They lead to no state, or each to another: no shape stands for all of them. */
const shapeless = new Set(['log', 'gap', 'act'])

const titles: Readonly<Record<string, string>> = { gap: 'Left out' }

/** What is not said by the kind, or the attempt beside it, already. */
function remarkOf({ kind, message = '' }: TimelineEntry): string {
  if (kind === 'log') return message
  if (kind === 'gap') return message.replace(/ are left out here$/, '')
  if (kind === 'started' && /^attempt \d+ started$/.test(message)) return ''
  return message.startsWith(kind) ? message.slice(kind.length).trim() : message
}

function Entry({ entry }: { entry: TimelineEntry }) {
  const { kind, message, error, data, attempt, at } = entry
  const remark = remarkOf(entry)
  return (
    <div class="entry">
      <span class="entry-mark">
        {shapeless.has(kind) ? <i class="entry-dot" /> : <StateShape state={shapes[kind] ?? kind} />}
      </span>
      <div class="entry-body">
        <p class="entry-line">
          {kind === 'log' ? null : <b>{titles[kind] ?? showName(kind)}</b>}
          {remark === '' ? null : <span class="entry-message">{remark}</span>}
          {attempt !== undefined && attempt > 0 && kind !== 'log' && kind !== 'gap' ? (
            <small>attempt {attempt}</small>
          ) : null}
        </p>
        {error === undefined || error.message === message ? null : (
          <p class="entry-error">
            <b class="mono">{error.code}</b> {error.message}
          </p>
        )}
        {data === undefined || data === null || kind === 'gap' ? null : (
          <details>
            <summary>Data</summary>
            <JsonView value={data} label={`Data of ${kind}`} />
          </details>
        )}
      </div>
      <span class="entry-time">
        <Moment at={at} />
      </span>
    </div>
  )
}
