import type { ComponentChildren } from '../preact.ts'

/** Leads on in a list. */
export function MoreButton({
  list,
  note,
}: {
  list: { readonly loadMore: (() => void) | undefined; readonly isLoadingMore: boolean }
  note?: ComponentChildren
}) {
  if (list.loadMore === undefined) return null
  return (
    <div class="more">
      {note}
      <button type="button" class="button" disabled={list.isLoadingMore} onClick={list.loadMore}>
        {list.isLoadingMore ? 'Loading…' : 'Show more'}
      </button>
    </div>
  )
}
