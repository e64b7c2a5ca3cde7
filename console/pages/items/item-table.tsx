import type { ItemRow } from '../../api/items.ts'
import { goTo, hrefOf } from '../../state/router.ts'
import { Ago } from '../../ui/ago.tsx'
import { showDuration } from '../../ui/format.ts'
import { StateChip } from '../../ui/state-chip.tsx'

/** Which rows are chosen; `all` also means those that are not loaded. */
export interface Selection {
  readonly ids: ReadonlySet<string>
  readonly isAll: boolean
}

interface ItemTableProps {
  readonly items: readonly ItemRow[]
  /** Unset: nothing can be selected. */
  readonly selection?: Selection | undefined
  readonly toggle?: (id: string) => void
  readonly toggleLoaded?: () => void
}

export function ItemTable({ items, selection, toggle, toggleLoaded }: ItemTableProps) {
  const isEach =
    selection !== undefined && (selection.isAll || items.every(({ id }) => selection.ids.has(id)))
  return (
    <table class="table items">
      <caption class="visually-hidden">Items, newest first</caption>
      <thead>
        <tr>
          {selection === undefined ? null : (
            <th class="select-cell" scope="col">
              <label>
                <input
                  type="checkbox"
                  aria-label="Select all that are shown"
                  checked={isEach}
                  onChange={toggleLoaded}
                />
                <span class="phone-only" aria-hidden="true">
                  All that are shown
                </span>
              </label>
            </th>
          )}
          <th scope="col">State</th>
          <th scope="col">Processor</th>
          <th scope="col">Key</th>
          <th scope="col">What happened</th>
          <th scope="col" class="number">
            Attempts
          </th>
          <th scope="col" class="number">
            Accepted
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <Row
            key={item.id}
            item={item}
            isSelected={selection === undefined ? undefined : selection.isAll || selection.ids.has(item.id)}
            toggle={toggle}
          />
        ))}
      </tbody>
    </table>
  )
}

interface RowProps {
  readonly item: ItemRow
  readonly isSelected: boolean | undefined
  readonly toggle: ((id: string) => void) | undefined
}

function Row({ item, isSelected, toggle }: RowProps) {
  const href = hrefOf(['items', item.id])
  const open = (event: MouseEvent) => {
    const isTheirs = event.target instanceof Element && event.target.closest('a, input, label') !== null
    if (!isTheirs && event.button === 0 && (getSelection()?.isCollapsed ?? true)) goTo(href)
  }
  return (
    <tr data-selected={isSelected} onClick={open}>
      {isSelected === undefined ? null : (
        <td class="select-cell">
          <label>
            <input
              type="checkbox"
              aria-label={`Select ${item.processor} ${item.key ?? item.id}`}
              checked={isSelected}
              onChange={() => toggle?.(item.id)}
            />
          </label>
        </td>
      )}
      <td class="state-cell">
        <StateChip state={item.state} />
      </td>
      <td class="name-cell">
        <a href={href} data-row={item.id}>
          {item.processor}
        </a>
        {item.queue === item.processor ? null : <small>{item.queue}</small>}
      </td>
      <td class="key-cell mono" title={item.key ?? undefined}>
        {item.key ?? <span class="none">–</span>}
      </td>
      <td class="story-cell" title={item.error?.message}>
        <Story item={item} />
      </td>
      <td class="number attempts-cell">{item.attempts}</td>
      <td class="number">
        <Ago at={item.enqueuedAt} />
      </td>
    </tr>
  )
}

/** Why it stands as it does, in a line. */
function Story({ item }: { item: ItemRow }) {
  const { error, state } = item
  if (error !== undefined && state !== 'succeeded')
    return (
      <>
        <b class="mono">{error.code}</b> {error.message}
      </>
    )
  if (state === 'scheduled' || state === 'deferred')
    return item.dueAt === undefined ? null : (
      <>
        due <Ago at={item.dueAt} />
      </>
    )
  if (item.endedAt !== undefined && item.startedAt !== undefined)
    return (
      <span class="quiet">took {showDuration(Date.parse(item.endedAt) - Date.parse(item.startedAt))}</span>
    )
  if (state === 'running' && item.startedAt !== undefined)
    return (
      <>
        started <Ago at={item.startedAt} />
      </>
    )
  return null
}
