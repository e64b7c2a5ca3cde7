import { basePath } from '../api/base-path.ts'
import type { Attention } from '../api/overview.ts'
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
            <Title entry={entry} />
            <p class="quiet">{entry.detail}</p>
          </div>
          {entry.since === undefined ? null : <Ago at={entry.since} />}
        </li>
      ))}
    </ul>
  )
}

function Title({ entry: { title, href } }: { entry: Attention }) {
  const target = href === undefined ? undefined : ownHref(href)
  if (target === undefined) return <b>{title}</b>
  return (
    <a href={target} data-row={target}>
      {title}
    </a>
  )
}

/** Whatever the API sends, it leads to a place of this console: the server may leave out the base path. */
export function ownHref(href: string): string | undefined {
  const root = `${basePath}/console`
  const path = href.startsWith(root)
    ? href
    : href.startsWith('/console')
      ? basePath + href
      : `${root}/${href.replace(/^\/+/, '')}`
  const url = new URL(path, location.origin)
  const inside = url.pathname === root || url.pathname.startsWith(`${root}/`)
  return url.origin === location.origin && inside ? url.pathname + url.search : undefined
}
