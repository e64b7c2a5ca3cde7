import { filterNames, type FilterName, type ItemFilter } from '../../api/items.ts'
import { useState } from '../../preact.ts'
import { goTo } from '../../state/router.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { showMoment } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { FilterForm } from './filter-form.tsx'
import { filterTitles, itemsHref, withoutFilter } from './item-filter.ts'

const presets = [
  ['15 min', 15],
  ['1 h', 60],
  ['24 h', 24 * 60],
  ['7 days', 7 * 24 * 60],
] as const

/** What narrows the list down: chips that go away by a press, and a form for more. All of it stands in the address. */
export function FilterBar({ filter }: { filter: ItemFilter }) {
  const [isOpen, setOpen] = useState(false)
  const active = filterNames.filter((name) => name !== 'state' && filter[name] !== undefined)
  return (
    <div class="filter-bar">
      <div class="filter-row">
        <button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name="filter" />
          Filter
        </button>
        {presets.map(([name, minutes]) => (
          <button
            key={name}
            type="button"
            class="pill"
            onClick={() => goTo(itemsHref({ ...withoutFilter(filter, 'to'), from: minutesAgo(minutes) }))}
          >
            {name}
          </button>
        ))}
        {active.map((name) => (
          <FilterChip key={name} name={name} filter={filter} />
        ))}
        {active.length === 0 ? null : (
          <>
            <a class="quiet-link" href={itemsHref(filter.state === undefined ? {} : { state: filter.state })}>
              Clear
            </a>
            <CopyButton text={() => location.href} label="Copy a link to this filter" />
          </>
        )}
      </div>
      {isOpen ? <FilterForm filter={filter} onClose={() => setOpen(false)} /> : null}
    </div>
  )
}

function FilterChip({ name, filter }: { name: FilterName; filter: ItemFilter }) {
  const value = [filter[name] ?? []].flat().join(', ')
  const isTime = name === 'from' || name === 'to'
  return (
    <span class="filter-chip">
      {filterTitles[name]}
      <b title={value}>{isTime && !Number.isNaN(Date.parse(value)) ? showMoment(value) : value}</b>
      <a href={itemsHref(withoutFilter(filter, name))} aria-label={`Without ${filterTitles[name]}`}>
        <Icon name="close" />
      </a>
    </span>
  )
}

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
