import { useEffect, useRef } from '../preact.ts'

/** What the keys `x` and Esc do in the list of the page that is shown. */
export interface ListKeys {
  readonly select: (id: string) => void
  readonly clear: () => void
}

let current: ListKeys | undefined

export const listKeys = (): ListKeys | undefined => current

/** @param keys undefined where nothing can be selected */
export function useListKeys(keys: ListKeys | undefined): void {
  const latest = useRef(keys)
  latest.current = keys
  const isThere = keys !== undefined
  useEffect(() => {
    if (!isThere) return undefined
    const own: ListKeys = {
      select: (id) => latest.current?.select(id),
      clear: () => latest.current?.clear(),
    }
    current = own
    return () => {
      if (current === own) current = undefined
    }
  }, [isThere])
}

/** The links that stand for the rows of a list carry their row's id as `data-row`. */
const rowLinks = () => [...document.querySelectorAll<HTMLElement>('main [data-row]')]

/** Moves the focus to the next row; so Enter opens it, as it does any link. */
export function moveRow(step: 1 | -1): void {
  const links = rowLinks()
  const at = links.findIndex(
    (link) => link === document.activeElement || rowOf(link)?.contains(document.activeElement),
  )
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))
  const link = links[next]
  link?.focus({ preventScroll: true })
  if (link) (rowOf(link) ?? link).scrollIntoView({ block: 'nearest' })
}

/** The row that has the focus. */
export function focusedRow(): string | undefined {
  const link = rowLinks().find((each) => rowOf(each)?.contains(document.activeElement))
  return link?.dataset['row']
}

const rowOf = (link: HTMLElement) => link.closest('tr, li, article')
