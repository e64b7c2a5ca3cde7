import { CallFailed } from '../api/call-failed.ts'
import { useCallback, useEffect, useRef, useState } from '../preact.ts'
import { dropAnswer, keepAnswer, keptAnswer } from './answers.ts'
import { watchTopic, type Topic } from './live.ts'

/** What a page asked for. */
export interface Loaded<T> {
  readonly value: T | undefined
  /** Why the last try failed; an older value may be there all the same, unless it is gone or forbidden now. */
  readonly problem: CallFailed | undefined
  readonly isLoading: boolean
  readonly reload: () => void
}

const shortestMs = 1_000

/**
 * Asks, shows what was answered to the same question before in the meantime, and asks again when the topic changes: at
 * most once a second, and never twice at a time.
 * @param question tells apart what is asked; undefined: nothing is
 */
export function useLoaded<T>(
  question: string | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
  topic?: Topic,
): Loaded<T> {
  const [, draw] = useState(0)
  const state = useRef<{
    question?: string | undefined
    value?: T | undefined
    problem?: CallFailed | undefined
    isLoading: boolean
  }>({ isLoading: true })
  if (state.current.question !== question || question === undefined)
    state.current = {
      question,
      value: question === undefined ? undefined : (keptAnswer(question) as T | undefined),
      isLoading: question !== undefined,
    }
  const latestAsk = useRef(ask)
  latestAsk.current = ask
  const again = useRef<() => void>(() => undefined)

  useEffect(() => {
    if (question === undefined) return undefined
    const ended = new AbortController()
    let isAsking = false
    let isWanted = false
    let lastAt = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      isAsking = true
      isWanted = false
      lastAt = performance.now()
      const next = await settle(latestAsk.current, ended.signal)
      isAsking = false
      if (ended.signal.aborted || state.current.question !== question) return
      if ('value' in next) keepAnswer(question, next.value)
      else if (isGone(next.problem)) dropAnswer(question)
      const value = 'value' in next ? next.value : isGone(next.problem) ? undefined : state.current.value
      state.current = { question, value, problem: next.problem, isLoading: false }
      draw((count) => count + 1)
      if (isWanted) later()
    }
    const later = () => {
      if (isAsking) {
        isWanted = true
        return
      }
      if (timer !== undefined) return
      const wait = Math.max(0, lastAt + shortestMs - performance.now())
      timer = setTimeout(() => {
        timer = undefined
        void load()
      }, wait)
    }
    again.current = () => {
      if (isAsking) isWanted = true
      else void load()
    }
    void load()
    const unwatch = topic === undefined ? undefined : watchTopic(topic, later)
    return () => {
      ended.abort()
      clearTimeout(timer)
      unwatch?.()
    }
  }, [question, topic])

  const reload = useCallback(() => again.current(), [])
  const { value, problem, isLoading } = state.current
  return { value, problem, isLoading, reload }
}

type Settled<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly problem: CallFailed | undefined }

async function settle<T>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Settled<T>> {
  try {
    return { value: await ask(signal) }
  } catch (error) {
    if (signal.aborted) return { problem: undefined }
    return { problem: error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)) }
  }
}

/** It is there no more, or not for who asks: then what was answered before is not shown either. */
const isGone = (problem: CallFailed | undefined) => problem?.status === 403 || problem?.status === 404
