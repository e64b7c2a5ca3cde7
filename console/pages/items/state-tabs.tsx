import { itemStates, type Counts, type ItemFilter } from '../../api/items.ts'
import { showCompact, showCount } from '../../ui/format.ts'
import { StateShape } from '../../ui/state-chip.tsx'
import { itemsHref, stateOf, withoutFilter } from './item-filter.ts'

/** Counts of what the rest of the filter matches, by state. */
export function StateTabs({ filter, counts }: { filter: ItemFilter; counts: Counts | undefined }) {
  const rest = withoutFilter(filter, 'state')
  const current = stateOf(filter)
  return (
    <nav class="tabs" aria-label="States">
      <a href={itemsHref(rest)} aria-current={filter.state === undefined ? 'true' : undefined}>
        all
      </a>
      {itemStates.map((state) => {
        const { count, isAtLeast } = counts?.[state] ?? { count: 0, isAtLeast: false }
        return (
          <a
            key={state}
            href={itemsHref({ ...rest, state })}
            aria-current={current === state ? 'true' : undefined}
            data-state={state}
            data-empty={counts !== undefined && count === 0}
          >
            <StateShape state={state} />
            {state}
            {counts === undefined ? null : (
              <span class="count" title={showCount(count, isAtLeast)}>
                {count < 10_000
                  ? showCount(count, isAtLeast)
                  : `${showCompact(count)}${isAtLeast ? '+' : ''}`}
              </span>
            )}
          </a>
        )
      })}
    </nav>
  )
}
