import { CallFailed } from '../api/call-failed.ts'
import type { Page } from '../api/page.ts'
import { useEffect, useRef, useState } from '../preact.ts'
import type { Topic } from './live.ts'
import { useLoaded } from './loaded.ts'

/** A list that comes in parts. */
export interface LoadedList<P extends Page<unknown>> {
  readonly items: P['items']
  /** The last part that came. */
  readonly last: P | undefined
  readonly isLoading: boolean
  readonly isLoadingMore: boolean
  readonly problem: CallFailed | undefined
  readonly loadMore: (() => void) | undefined
  readonly reload: () => void
}

/** Follows the topic while only the first part is shown: who has read on keeps what is on the screen. */
export function useList<P extends Page<unknown>>(
  question: string,
  ask: (cursor: string | undefined, signal?: AbortSignal) => Promise<P>,
  topic?: Topic,
): LoadedList<P> {
  const [more, setMore] = useState<{ readonly question: string; readonly pages: readonly P[] }>({
    question,
    pages: [],
  })
  const [isLoadingMore, setLoadingMore] = useState(false)
  const [moreProblem, setMoreProblem] = useState<CallFailed>()
  const pages = more.question === question ? more.pages : []
  const first = useLoaded(
    question,
    (signal) => ask(undefined, signal),
    pages.length === 0 ? topic : undefined,
  )
  const shown = useRef(question)
  shown.current = question
  useEffect(() => {
    setMoreProblem(undefined)
    setLoadingMore(false)
  }, [question])

  const last = pages.at(-1) ?? first.value
  const next = last?.next
  const loadMore = async () => {
    if (next === undefined || isLoadingMore) return
    setLoadingMore(true)
    setMoreProblem(undefined)
    try {
      const page = await ask(next)
      if (shown.current === question) setMore({ question, pages: [...pages, page] })
    } catch (error) {
      setMoreProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
    }
    if (shown.current === question) setLoadingMore(false)
  }
  return {
    items: [...(first.value?.items ?? []), ...pages.flatMap(({ items }) => items)],
    last,
    isLoading: first.isLoading,
    isLoadingMore,
    problem: first.problem ?? moreProblem,
    loadMore: next === undefined ? undefined : () => void loadMore(),
    reload: () => {
      setMore({ question, pages: [] })
      first.reload()
    },
  }
}
