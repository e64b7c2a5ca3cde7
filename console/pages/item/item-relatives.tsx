import type { Item, ItemRef } from '../../api/items.ts'
import { hrefOf } from '../../state/router.ts'
import { shortId } from '../../ui/format.ts'
import { Section } from '../../ui/section.tsx'
import { StateChip } from '../../ui/state-chip.tsx'
import { itemsHref } from '../items/item-filter.ts'

/** Where it came from, and what came of it. */
export function ItemRelatives({ item }: { item: Item }) {
  const { parent, children, clones } = item
  if (parent === undefined && children.length === 0 && clones.length === 0) return null
  return (
    <Section
      title="Relatives"
      aside={
        children.length === 0 ? null : <a href={itemsHref({ causationId: item.id })}>All that it made</a>
      }
    >
      <ul class="relatives">
        {parent === undefined ? null : <Relative kind="made by" item={parent} />}
        {children.map((each) => (
          <Relative key={each.id} kind="made" item={each} />
        ))}
        {clones.map((each) => (
          <Relative key={each.id} kind="clone" item={each} />
        ))}
      </ul>
    </Section>
  )
}

function Relative({ kind, item }: { kind: string; item: ItemRef }) {
  return (
    <li>
      <span class="quiet">{kind}</span>
      <ItemLink item={item} />
    </li>
  )
}

/** An item by its name, key and state, as far as they are known. */
export function ItemLink({ item: { id, state, processor, key } }: { item: ItemRef }) {
  return (
    <span class="item-link">
      <a href={hrefOf(['items', id])}>{processor ?? <span class="mono">{shortId(id)}</span>}</a>
      {key == null ? null : <span class="mono">{key}</span>}
      {state === undefined ? null : <StateChip state={state} />}
    </span>
  )
}
