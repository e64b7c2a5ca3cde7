import { useEffect, useRef, useState } from '../preact.ts'

/** A value that pages watch. */
export interface Store<T> {
  readonly get: () => T
  readonly set: (value: T) => void
  /** @returns what ends it */
  readonly watch: (watcher: () => void) => () => void
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial
  const watchers = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const watcher of Array.from(watchers)) watcher()
    },
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
  }
}

/** The value of a store; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, draw] = useState(0)
  const value = store.get()
  const drawn = useRef(value)
  drawn.current = value
  useEffect(() => {
    const end = store.watch(() => draw((count) => count + 1))
    // effects come after the drawing, and the value may have changed in between
    if (!Object.is(drawn.current, store.get())) draw((count) => count + 1)
    return end
  }, [store])
  return value
}
