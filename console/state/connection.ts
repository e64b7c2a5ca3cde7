import { watchCalls } from '../api/request.ts'
import { sessionState } from './session.ts'
import { createStore } from './store.ts'

/** Whether the node answers. */
export const isConnected = createStore(true)

/** Ties how calls go to what is shown. */
export function startConnectionWatch(): void {
  watchCalls({
    signedOut: () => sessionState.set({ kind: 'signed-out' }),
    answered: () => isConnected.set(true),
    unreachable: () => isConnected.set(false),
  })
  window.addEventListener('offline', () => isConnected.set(false))
}
