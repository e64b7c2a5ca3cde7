import { CallFailed } from '../api/call-failed.ts'
import { readOperations } from '../api/operations.ts'
import { sessionState } from './session.ts'
import { createStore } from './store.ts'

/** A page of the navigation, and what of the API it cannot do without. */
export interface PageEntry {
  readonly name: string
  readonly title: string
  readonly group: 'work' | 'doors' | 'house'
  readonly needs: string
  /** Of the whole node: not for who sees one access group alone. */
  readonly isOfAll?: true
  /** `g` and this leads there. */
  readonly letter: string
}

const pageEntries: readonly PageEntry[] = [
  { name: 'overview', title: 'Overview', group: 'work', needs: '/overview', letter: 'o' },
  { name: 'queues', title: 'Queues', group: 'work', needs: '/queues', letter: 'q' },
  { name: 'items', title: 'Items', group: 'work', needs: '/items', letter: 'i' },
  { name: 'services', title: 'Services', group: 'doors', needs: '/services', letter: 's' },
  { name: 'api-keys', title: 'API keys', group: 'doors', needs: '/api-keys', isOfAll: true, letter: 'k' },
  { name: 'nodes', title: 'Nodes', group: 'house', needs: '/nodes', letter: 'n' },
  { name: 'applications', title: 'Applications', group: 'house', needs: '/applications', letter: 'p' },
  { name: 'alerts', title: 'Alerts', group: 'house', needs: '/alerts', letter: 'l' },
  { name: 'audit', title: 'Audit', group: 'house', needs: '/audit', isOfAll: true, letter: 'a' },
  { name: 'users', title: 'Users', group: 'house', needs: '/sessions', letter: 'u' },
  { name: 'settings', title: 'Settings', group: 'house', needs: '/settings', isOfAll: true, letter: 'e' },
]

/** The pages whose part of the API is there; undefined until it is known. */
export const knownPages = createStore<readonly PageEntry[] | undefined>(undefined)

/** A node that does not say what it has is taken to have everything. */
export async function findPages(): Promise<void> {
  const there = await readOperations().catch((error: unknown) => {
    if (error instanceof CallFailed) return undefined
    throw error
  })
  const state = sessionState.get()
  const seesAll = state.kind === 'signed-in' && state.session.operator.accessGroup === undefined
  knownPages.set(
    pageEntries.filter(({ needs, isOfAll }) => (there?.has(needs) ?? true) && (seesAll || !isOfAll)),
  )
}
