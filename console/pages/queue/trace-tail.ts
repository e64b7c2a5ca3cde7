import type { CallFailed } from '../../api/call-failed.ts'
import { tracePath, type TraceEvent } from '../../api/queues.ts'
import { useEffect, useState } from '../../preact.ts'
import { refreshSession } from '../../state/session.ts'
import { holdStream } from '../../state/stream.ts'

const kept = 300
const drawEveryMs = 200

export interface Following {
  /** Empty: all. */
  readonly key: string
}

/** Stands among the events where some may be missing. */
export interface TraceGap {
  readonly at: string
  readonly since: string
}

export type TraceState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'open' }
  | { readonly kind: 'lost'; readonly problem: CallFailed | undefined }

/** What happens in a queue, the newest first, and whether it still comes. */
export function useTrace(queue: string, following: Following | undefined) {
  const [lines, setLines] = useState<readonly (TraceEvent | TraceGap)[]>([])
  const [dropped, setDropped] = useState(0)
  const [state, setState] = useState<TraceState>({ kind: 'opening' })
  useEffect(() => {
    if (following === undefined) return undefined
    setLines([])
    setDropped(0)
    setState({ kind: 'opening' })
    let waiting: (TraceEvent | TraceGap)[] = []
    let lost = 0
    let lostAt: string | undefined
    const end = holdStream(
      tracePath(queue),
      { key: following.key },
      {
        opened() {
          setState({ kind: 'open' })
          if (lostAt !== undefined) waiting.unshift({ at: new Date().toISOString(), since: lostAt })
          lostAt = undefined
        },
        told({ event, data }) {
          if (event === 'item') waiting.unshift(JSON.parse(data) as TraceEvent)
          else if (event === 'dropped') lost += (JSON.parse(data) as { readonly count: number }).count
        },
        ended({ wasOpen, isHidden, problem }) {
          setState(isHidden ? { kind: 'opening' } : { kind: 'lost', problem })
          if (wasOpen) lostAt = new Date().toISOString()
          // it says whether the session is over
          if (!isHidden) void refreshSession()
        },
      },
    )
    // a busy queue would have the page drawn a thousand times a second
    const timer = setInterval(() => {
      if (waiting.length > 0) {
        const come = waiting
        waiting = []
        setLines((before) => [...come, ...before].slice(0, kept))
      }
      if (lost > 0) {
        const more = lost
        lost = 0
        setDropped((before) => before + more)
      }
    }, drawEveryMs)
    return () => {
      clearInterval(timer)
      end()
    }
  }, [queue, following])
  return { lines, dropped, state }
}
