import type { Attention } from '../api/overview.ts'
import { hrefBelow } from '../state/router.ts'
import { Ago } from '../ui/ago.tsx'
import { Icon } from '../ui/icon.tsx'
import { StateChip } from '../ui/state-chip.tsx'

/** What a person should look at, the worst first. */
export function AttentionList({ entries }: { entries: readonly Attention[] }) {
  if (entries.length === 0)
    return (
      <p class="all-well">
        <Icon name="check" /> Nothing. All that is there runs, or waits for its time.
      </p>
    )
  return (
    <ul class="attention">
      {entries.map((entry) => (
        <li key={`${entry.kind} ${entry.title}`} data-severity={entry.severity}>
          <StateChip state={entry.severity} />
          <div>
            <a href={hrefBelow(entry.href)} data-row={entry.href}>
              {entry.title}
            </a>
            <p class="quiet">{entry.detail}</p>
          </div>
          {entry.since === undefined ? null : <Ago at={entry.since} />}
        </li>
      ))}
    </ul>
  )
}
