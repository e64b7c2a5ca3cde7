import type { BulkProgress } from '../../api/items.ts'
import { showNumber } from '../../ui/format.ts'

const stops: Readonly<Record<string, string>> = {
  done: 'None is left.',
  failing: 'It stopped, because more than half of a wave broke again.',
  slow: 'It stopped, because a wave did not end in time.',
  limit: 'It stopped at the limit of one order; there are more.',
  aborted: 'It was ended.',
}

/** How far acts on many items are, and how they ended. */
export function BulkReportView({
  progress,
  isRunning,
  expected,
}: {
  progress: BulkProgress
  isRunning: boolean
  expected: number | undefined
}) {
  const { applied = progress.requeued ?? 0, refused = 0, pending = 0 } = progress
  const all = progress.items ?? applied + refused + pending
  const refusals = Array.isArray(progress.refusals) ? (progress.refusals as Refusal[]) : []
  return (
    <div aria-live="polite">
      <progress
        class="progress"
        aria-label="How far it is"
        max={Math.max(expected ?? 0, all, 1)}
        value={progress.done ? Math.max(expected ?? 0, all, 1) : all}
      />
      <dl class="figures">
        <Figure name="done" value={applied} />
        <Figure name="refused" value={refused} />
        <Figure name="not decided yet" value={pending} />
      </dl>
      <p>{isRunning ? 'Under way…' : endOf(progress)}</p>
      {refusals.length === 0 ? null : (
        <details>
          <summary>Refused</summary>
          <ul class="plain mono">
            {refusals.map(({ id, state, error }) => (
              <li key={id}>
                {id} {state ?? error}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}

interface Refusal {
  readonly id: string
  readonly state?: string
  readonly error?: string
}

function endOf({ done, stopped, hasMore, error }: BulkProgress): string {
  if (error !== undefined)
    return `It ended with an error: ${error.detail ?? error.message ?? error.code ?? ''}`
  if (!done) return 'It was ended. What was done stays done.'
  if (stopped !== undefined) return stops[stopped] ?? `It stopped: ${stopped}.`
  return hasMore ? 'Done, and there are more: order it again.' : 'Done.'
}

function Figure({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{showNumber(value)}</dd>
    </div>
  )
}
