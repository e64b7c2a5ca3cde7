import { sessionState } from './session.ts'

/** A page of the navigation, and the part of the API it cannot do without. */
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
  { name: 'overview', title: 'Overview', group: 'work', needs: 'overview', letter: 'o' },
  { name: 'queues', title: 'Queues', group: 'work', needs: 'queues', letter: 'q' },
  { name: 'items', title: 'Items', group: 'work', needs: 'items', letter: 'i' },
  { name: 'services', title: 'Services', group: 'doors', needs: 'services', letter: 's' },
  { name: 'api-keys', title: 'API keys', group: 'doors', needs: 'api-keys', isOfAll: true, letter: 'k' },
  { name: 'nodes', title: 'Nodes', group: 'house', needs: 'nodes', letter: 'n' },
  { name: 'applications', title: 'Applications', group: 'house', needs: 'applications', letter: 'p' },
  { name: 'alerts', title: 'Alerts', group: 'house', needs: 'alerts', letter: 'l' },
  { name: 'audit', title: 'Audit', group: 'house', needs: 'audit', isOfAll: true, letter: 'a' },
  { name: 'users', title: 'Users', group: 'house', needs: 'sessions', letter: 'u' },
  { name: 'settings', title: 'Settings', group: 'house', needs: 'settings', isOfAll: true, letter: 'e' },
]

/** The pages whose part of the API the node has, and that are for who is signed in. */
export function knownPages(): readonly PageEntry[] {
  const state = sessionState.get()
  if (state.kind !== 'signed-in') return []
  const { operator, parts } = state.session
  const seesAll = operator.accessGroup === undefined
  // a node of a release that does not say what it has is taken to have everything
  return pageEntries.filter(({ needs, isOfAll }) => (parts?.includes(needs) ?? true) && (seesAll || !isOfAll))
}
