import { SignInPage } from '../pages/sign-in-page.tsx'
import { useEffect } from '../preact.ts'
import { personOf, refreshSession, sessionState } from '../state/session.ts'
import { useStore } from '../state/store.ts'
import { Frame } from './frame.tsx'
import { ToastList } from './toast-list.tsx'

const retryMs = 3_000

/** The console: a page to sign in by, or the frame with the page that the address names. */
export function App() {
  const state = useStore(sessionState)
  return (
    <>
      {state.kind === 'unknown' ? <p class="starting visually-hidden">Loading the console</p> : null}
      {state.kind === 'unreachable' ? <Unreachable problem={state.problem} /> : null}
      {state.kind === 'signed-out' ? <SignInPage problem={state.problem} /> : null}
      {state.kind === 'signed-in' ? <Frame key={personOf(state)} session={state.session} /> : null}
      <ToastList />
    </>
  )
}

function Unreachable({ problem }: { problem: string }) {
  useEffect(() => {
    const timer = setInterval(() => void refreshSession(), retryMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <main class="alone">
      <h1>Not reachable</h1>
      <p role="status">{problem}. Trying again every few seconds.</p>
    </main>
  )
}
