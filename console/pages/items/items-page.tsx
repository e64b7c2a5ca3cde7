import { basePath } from '../../api/base-path.ts'
import { countItems, listItems, type ItemFilter, type ItemRow, type ItemState } from '../../api/items.ts'
import { useEffect, useState } from '../../preact.ts'
import { useListKeys } from '../../state/keys.ts'
import { useList } from '../../state/list.ts'
import { useLoaded } from '../../state/loaded.ts'
import { place } from '../../state/router.ts'
import { may } from '../../state/session.ts'
import { useStore } from '../../state/store.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { showMoment } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { MoreButton } from '../../ui/more-button.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { BulkBar } from './bulk-bar.tsx'
import { FilterBar } from './filter-bar.tsx'
import { filterOf, itemsHref, statesOf, unknownNames, withoutFilter } from './item-filter.ts'
import { ItemTable, type Selection } from './item-table.tsx'
import { StateTabs } from './state-tabs.tsx'

const nothing: Selection = { ids: new Set(), isAll: false }

export function ItemsPage() {
  const { search } = useStore(place)
  const filter = filterOf(search)
  const question = itemsHref(filter)
  const [selection, setSelection] = useState(nothing)
  const isSelecting = selection.isAll || selection.ids.size > 0
  // a search of texts reads what it goes through: it is done when the person asks for it, and not by itself for ever
  const isSearch = filter.text !== undefined
  // what is selected does not move away under the hand
  const topic = isSelecting || isSearch ? undefined : 'item'
  const list = useList(question, (cursor, signal) => listItems(filter, cursor, signal), topic)
  const rest = withoutFilter(filter, 'state')
  const counts = useLoaded(
    `counts ${itemsHref(rest)}`,
    (signal) => countItems(rest, signal),
    isSearch ? undefined : 'item',
  )
  const lookAgain = () => {
    list.reload()
    counts.reload()
  }
  const clear = () => setSelection(nothing)
  useEffect(clear, [question])

  const toggle = (id: string) => {
    const ids = new Set(selection.isAll ? list.items.map((item) => item.id) : selection.ids)
    if (!ids.delete(id)) ids.add(id)
    setSelection({ ids, isAll: false })
  }
  const toggleLoaded = () => {
    const isEach = selection.isAll || list.items.every(({ id }) => selection.ids.has(id))
    setSelection(isEach ? nothing : { ids: new Set(list.items.map(({ id }) => id)), isAll: false })
  }
  const mayAct = may('operator')
  useListKeys(mayAct ? { select: toggle, clear } : undefined)

  const isEmpty = list.items.length === 0 && list.last !== undefined && list.loadMore === undefined
  return (
    <>
      <PageHead title="Items">
        {isSearch ? (
          <button type="button" class="button" disabled={list.isLoading} onClick={lookAgain}>
            <Icon name="restart" />
            Look again
          </button>
        ) : null}
      </PageHead>
      <StateTabs filter={filter} counts={counts.value} />
      <FilterBar filter={filter} />
      <UnknownNames names={unknownNames(search)} rest={question} />
      {list.problem === undefined ? null : <ProblemNote problem={list.problem} retry={list.reload} />}
      {list.items.length === 0 && list.isLoading ? <Skeleton rows={12} /> : null}
      {list.items.length === 0 ? null : (
        <ItemTable
          items={list.items}
          selection={mayAct ? selection : undefined}
          toggle={toggle}
          toggleLoaded={toggleLoaded}
        />
      )}
      {isEmpty ? <NoItems filter={filter} /> : null}
      <MoreButton list={list} note={<SearchedTo at={list.last?.searchedTo} />} />
      {mayAct ? (
        <BulkBar
          selection={selection}
          filter={filter}
          states={statesIn(selection, list.items) ?? statesOf(filter)}
          // everything there is has never been meant
          hasMore={list.loadMore !== undefined && Object.keys(filter).length > 0}
          selectAll={() => setSelection({ ids: new Set(), isAll: true })}
          clear={clear}
          onDone={() => {
            clear()
            lookAgain()
          }}
        />
      ) : null}
    </>
  )
}

/** The states of the rows that were chosen one by one; undefined where not all of them are known. */
function statesIn({ ids, isAll }: Selection, rows: readonly ItemRow[]): readonly ItemState[] | undefined {
  const chosen = rows.filter(({ id }) => ids.has(id))
  return isAll || chosen.length < ids.size ? undefined : chosen.map(({ state }) => state)
}

/** Whoever made the link meant fewer items than there are here. */
function UnknownNames({ names, rest }: { names: readonly string[]; rest: string }) {
  if (names.length === 0) return null
  return (
    <div class="why" role="status">
      <Icon name="warning" />
      <p>
        The address asks for what is no filter here: <b class="mono wrap">{names.join(', ')}</b>. The list is
        not narrowed by it. <a href={rest}>Go on without</a>
      </p>
    </div>
  )
}

function SearchedTo({ at }: { at: string | undefined }) {
  if (at === undefined) return null
  return <p class="quiet">Searched back to {showMoment(at)}; older ones have not been looked at yet.</p>
}

function NoItems({ filter }: { filter: ItemFilter }) {
  if (Object.keys(filter).length > 0)
    return (
      <EmptyNote title="Nothing matches.">
        A filter may be too narrow. <a href={itemsHref({})}>Show all items</a>
      </EmptyNote>
    )
  const example = [
    "curl -i -X POST -H 'content-type: application/json' \\",
    `  -d '{}' ${location.origin}${basePath}/services/{application}/{service}`,
    '',
    '// or in code',
    'await node.enqueue(processor, input)',
  ].join('\n')
  return (
    <EmptyNote title="No items yet." code={example}>
      They come by a request to a service, or from your code. The page shows them as they come.
    </EmptyNote>
  )
}
