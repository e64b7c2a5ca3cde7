import type { BulkKind, ItemFilter, ItemState } from '../../api/items.ts'
import { useState } from '../../preact.ts'
import { plural } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { actWords, bulkKindsFor } from './act-words.ts'
import { BulkDialog } from './bulk-dialog.tsx'
import type { Selection } from './item-table.tsx'

interface BulkBarProps {
  readonly selection: Selection
  readonly filter: ItemFilter
  /** Those that what is selected can be in; undefined: any. */
  readonly states: readonly ItemState[] | undefined
  readonly hasMore: boolean
  readonly selectAll: () => void
  readonly clear: () => void
  readonly onDone: () => void
}

/** Stands at the foot while items are selected. */
export function BulkBar({ selection, filter, states, hasMore, selectAll, clear, onDone }: BulkBarProps) {
  const [act, setAct] = useState<BulkKind>()
  const { ids, isAll } = selection
  if (ids.size === 0 && !isAll) return null
  const what = isAll ? 'all that match' : plural(ids.size, 'selected item')
  return (
    <div class="bulk-bar" role="region" aria-label="Selected items">
      <span class="bulk-count" aria-live="polite">
        {isAll ? 'All that match are selected' : `${plural(ids.size, 'item')} selected`}
      </span>
      {!isAll && hasMore ? (
        <button type="button" class="link-button" onClick={selectAll}>
          Select all that match
        </button>
      ) : null}
      <span class="bulk-acts">
        {bulkKindsFor(states).map((kind) => (
          <button
            key={kind}
            type="button"
            class={actWords[kind].isDangerous ? 'button danger-text' : 'button'}
            onClick={() => setAct(kind)}
          >
            {actWords[kind].name}
          </button>
        ))}
      </span>
      <button type="button" class="icon-button" aria-label="Clear the selection" onClick={clear}>
        <Icon name="close" />
      </button>
      {act === undefined ? null : (
        <BulkDialog
          act={act}
          filter={isAll ? filter : { ids: [...ids] }}
          what={what}
          onClose={(wasDone) => {
            setAct(undefined)
            if (wasDone) onDone()
          }}
        />
      )}
    </div>
  )
}
