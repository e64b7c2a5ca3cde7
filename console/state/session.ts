import { CallFailed } from '../api/call-failed.ts'
import { readSession, signInByLink, type OperatorRole, type Session } from '../api/session.ts'
import { forgetAnswers } from './answers.ts'
import { createStore } from './store.ts'

export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'signed-out'; readonly problem?: string }
  | { readonly kind: 'unreachable'; readonly problem: string }
  | { readonly kind: 'signed-in'; readonly session: Session }

export const sessionState = createStore<SessionState>({ kind: 'unknown' })

/** Finds out who is signed in; a link's token in the address is used first. */
export async function startSession(): Promise<void> {
  watchPerson()
  // a link that is pasted where the console is open changes the fragment alone, and the page stays
  window.addEventListener('hashchange', () => {
    if (location.hash.startsWith('#link=')) void enter()
  })
  await enter()
}

/** What one may see, another may not: however somebody else comes to sit here, nothing is left for them. */
function watchPerson(): void {
  let shownTo = personOf(sessionState.get())
  sessionState.watch(() => {
    const person = personOf(sessionState.get())
    if (person !== shownTo) forgetAnswers()
    shownTo = person
  })
}

/** Who is signed in, and as what: the same text for the same pages. */
export function personOf(state: SessionState): string | undefined {
  if (state.kind !== 'signed-in') return undefined
  const { id, role, accessGroup } = state.session.operator
  return JSON.stringify([id, role, accessGroup])
}

async function enter(): Promise<void> {
  const refused = takeFragment('refused')
  const token = takeFragment('link')
  const problem = token === undefined ? refusalOf(refused) : await redeemLink(token)
  await refreshSession(problem)
}

/**
 * Asks who is signed in. Who is stays so while a node does not answer, or answers with another problem: what the person
 * is about is lost with the page. That the node is away is shown all the same; see `connection.ts`.
 */
export async function refreshSession(problem?: string): Promise<void> {
  try {
    sessionState.set({ kind: 'signed-in', session: await readSession() })
  } catch (error) {
    const failed = error instanceof CallFailed ? error : undefined
    if (failed?.status === 401) sessionState.set({ kind: 'signed-out', ...(problem ? { problem } : {}) })
    else if (sessionState.get().kind !== 'signed-in')
      sessionState.set({ kind: 'unreachable', problem: failed?.message ?? String(error) })
  }
}

/** A token goes from the address at once: what stands there is kept in the history and copied. */
function takeFragment(name: 'link' | 'refused'): string | undefined {
  if (!location.hash.startsWith(`#${name}=`)) return undefined
  const value = location.hash.slice(name.length + 2)
  history.replaceState(null, '', location.pathname + location.search)
  return value
}

/** What an issuer's answer came to; it travels as the code of an error. */
function refusalOf(code: string | undefined): string | undefined {
  if (code === undefined) return undefined
  if (code === 'ISSUER_UNREACHABLE') return 'The issuer could not be reached; try again in a moment'
  return 'The issuer did not sign you in, or you have no role here'
}

async function redeemLink(token: string): Promise<string | undefined> {
  try {
    await signInByLink(token)
    return undefined
  } catch (error) {
    return error instanceof CallFailed ? error.message : String(error)
  }
}

const ranks: Readonly<Record<OperatorRole, number>> = { observer: 0, operator: 1, administrator: 2 }

/** Whether who is signed in may what the role may. */
export function may(role: OperatorRole): boolean {
  const state = sessionState.get()
  return state.kind === 'signed-in' && ranks[state.session.operator.role] >= ranks[role]
}

/** Whether who is signed in may see and change what is of all access groups: queues, broken groups, users. */
export function maySeeAll(): boolean {
  const state = sessionState.get()
  return state.kind === 'signed-in' && state.session.operator.accessGroup === undefined
}
