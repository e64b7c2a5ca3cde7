import { createStore } from './store.ts'

/** Now, in steps of a few seconds, for what says how long ago something was. */
export const clock = createStore(Date.now())

export function startClock(): void {
  setInterval(() => document.visibilityState === 'visible' && clock.set(Date.now()), 5_000)
}
