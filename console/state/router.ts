import { basePath, queryText, type Query } from '../api/base-path.ts'
import { createStore } from './store.ts'

const root = `${basePath}/console`

/** Where the person is: the parts of the path below `/console`, and the query. */
export interface Place {
  readonly parts: readonly string[]
  readonly search: URLSearchParams
  /** The same for places that are the same. */
  readonly href: string
}

export const place = createStore<Place>(readPlace())

function readPlace(): Place {
  const { pathname, search } = location
  const path = pathname.startsWith(root) ? pathname.slice(root.length) : pathname
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart)
  return { parts, search: new URLSearchParams(search), href: pathname + search }
}

/** A path that somebody typed may hold a `%` that escapes nothing. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The address of a place: `hrefOf(['items', id])`. */
export function hrefOf(parts: readonly string[], query?: Query): string {
  return [root, ...parts.map(encodeURIComponent)].join('/') + queryText(query)
}

/** The address of what the API says is at a path of the console. */
export const hrefBelow = (path: string): string => root + path

/** @param replace whether Back shall skip where the person is now */
export function goTo(href: string, replace = false): void {
  if (replace) history.replaceState(null, '', href)
  else history.pushState(null, '', href)
  place.set(readPlace())
}

/** Follows the Back button, and takes over links to places of the console. */
export function startRouter(): void {
  window.addEventListener('popstate', () => place.set(readPlace()))
  document.addEventListener('click', (event) => {
    const link = linkToFollow(event)
    if (!link) return
    event.preventDefault()
    goTo(link.pathname + link.search)
  })
}

function linkToFollow(event: MouseEvent): HTMLAnchorElement | undefined {
  if (event.defaultPrevented || event.button !== 0) return undefined
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return undefined
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (!link || link.target !== '' || link.hasAttribute('download')) return undefined
  if (link.origin !== location.origin) return undefined
  const inside = link.pathname === root || link.pathname.startsWith(`${root}/`)
  return inside && link.hash === '' ? link : undefined
}
