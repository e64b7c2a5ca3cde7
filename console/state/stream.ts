import type { Query } from '../api/base-path.ts'
import { CallFailed } from '../api/call-failed.ts'
import { listen, type ServerEvent } from '../api/event-stream.ts'

/** How a stream came to its end; but for a hidden page it is opened again. */
export interface StreamEnd {
  readonly wasOpen: boolean
  readonly isHidden: boolean
  /** What was answered instead of a stream, if anything was. */
  readonly problem?: CallFailed | undefined
}

export interface StreamWatch {
  /** Something came, so nothing between holds it back. */
  readonly opened: () => void
  readonly told: (event: ServerEvent) => void
  readonly ended: (end: StreamEnd) => void
}

const firstRetryMs = 1_000
const lastRetryMs = 15_000
/** A node says something every 15 seconds; one that says nothing for so long is away, though the connection is still there. */
const quietMs = 45_000

/**
 * Holds a stream of events: opens it again, however it ended, and lets it go while the page is hidden. A browser has six
 * connections to a node that speaks HTTP/1.1, and tabs in the background, or kept for the Back button, would hold them.
 * @returns what ends it
 */
export function holdStream(path: string, query: Query | undefined, watch: StreamWatch): () => void {
  let current: { readonly abort: AbortController; isOpen: boolean } | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let retryMs = firstRetryMs

  const open = () => {
    clearTimeout(timer)
    if (!current && document.visibilityState === 'visible') void follow()
  }
  const follow = async () => {
    const own = { abort: new AbortController(), isOpen: false }
    current = own
    const endQuiet = () => own.abort.abort()
    let quiet = setTimeout(endQuiet, quietMs)
    const heard = () => {
      clearTimeout(quiet)
      quiet = setTimeout(endQuiet, quietMs)
      if (own.isOpen || current !== own) return
      own.isOpen = true
      retryMs = firstRetryMs
      watch.opened()
    }
    let problem: CallFailed | undefined
    try {
      for await (const event of listen(path, query, own.abort.signal, heard))
        if (current === own) watch.told(event)
    } catch (error) {
      // one that breaks off says no more than one that ends
      if (error instanceof CallFailed) problem = error
    }
    clearTimeout(quiet)
    if (current !== own) return
    current = undefined
    timer = setTimeout(open, retryMs)
    retryMs = Math.min(retryMs * 2, lastRetryMs)
    watch.ended({ wasOpen: own.isOpen, isHidden: false, problem })
  }
  const close = () => {
    clearTimeout(timer)
    const closed = current
    current = undefined
    closed?.abort.abort()
    return closed
  }
  const hide = () => {
    const closed = close()
    if (closed) watch.ended({ wasOpen: closed.isOpen, isHidden: true })
  }
  const onVisibility = () => (document.visibilityState === 'visible' ? open() : hide())

  document.addEventListener('visibilitychange', onVisibility)
  window.addEventListener('pagehide', hide)
  window.addEventListener('pageshow', onVisibility)
  open()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    window.removeEventListener('pagehide', hide)
    window.removeEventListener('pageshow', onVisibility)
    close()
  }
}
