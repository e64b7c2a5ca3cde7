import { readLaterItems, type Item } from '../../api/items.ts'
import { useLoaded } from '../../state/loaded.ts'
import { plural } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { itemsHref } from '../items/item-filter.ts'

/** Warns that what runs again now comes after what was accepted later, where some of that has succeeded. */
export function LaterNote({ item }: { item: Item }) {
  const later = useLoaded(`later ${item.id}`, (signal) => readLaterItems(item.id, signal))
  const { succeeded, processors = [] } = later.value ?? {}
  if (succeeded === undefined || succeeded.count === 0) return null
  const { count, isAtLeast } = succeeded
  return (
    <div class="why" role="status">
      <Icon name="warning" />
      <p>
        {isAtLeast ? `${count} or more later items` : plural(count, 'later item')} of this key{' '}
        {count === 1 && !isAtLeast ? 'has' : 'have'} succeeded since. <LaterLink {...{ item, processors }} />
      </p>
    </div>
  )
}

/** Beside the dialog, which may hold what somebody has written. Nobody finds items by a key that is hidden. */
function LaterLink({ item, processors }: { item: Item; processors: readonly string[] }) {
  const { key, queue, enqueuedAt } = item
  if (key === null || key.includes('•••')) return null
  const processor = processors.length === 1 ? { processor: processors } : {}
  const href = itemsHref({ state: 'succeeded', queue, ...processor, key, from: enqueuedAt })
  return (
    <a href={href} target="_blank" rel="noreferrer">
      Show them in a new tab
    </a>
  )
}
