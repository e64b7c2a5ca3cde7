import { basePath, operateUrl } from '../api/base-path.ts'
import { CallFailed } from '../api/call-failed.ts'
import { readWaysIn, signIn, type WaysIn } from '../api/session.ts'
import { useEffect, useState } from '../preact.ts'
import { ThemeSwitch } from '../shell/theme-switch.tsx'
import { Ticket } from '../shell/top-bar.tsx'
import { useLoaded } from '../state/loaded.ts'
import { refreshSession } from '../state/session.ts'
import { Field } from '../ui/field.tsx'
import { Icon } from '../ui/icon.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'

/** Stands in the place of every page until somebody is signed in; the address stays, and is gone to afterwards. */
export function SignInPage({ problem }: { problem: string | undefined }) {
  const ways = useLoaded('sign-in', () => readWaysIn())
  useEffect(() => {
    document.title = 'Sign in · Coatcheck'
  }, [])
  return (
    <main class="sign-in">
      <div class="sign-in-theme">
        <ThemeSwitch />
      </div>
      <div class="sign-in-card">
        <Ticket />
        <h1>Sign in</h1>
        {problem === undefined ? null : (
          <div class="problem-note" role="alert">
            <Icon name="warning" />
            <p>{problem}</p>
          </div>
        )}
        {ways.problem === undefined ? null : <ProblemNote problem={ways.problem} retry={ways.reload} />}
        {ways.value === undefined ? null : <Ways ways={ways.value} />}
      </div>
    </main>
  )
}

/** The address behind `/console`: the provider sends the browser back to it. */
function whereTo(): string {
  return location.pathname.slice(`${basePath}/console`.length) + location.search
}

/** Where `coatcheck link` takes the node to be unless told. */
const usualUrl = 'http://127.0.0.1:3000'
const here = location.origin + basePath

function Ways({ ways }: { ways: WaysIn }) {
  return (
    <>
      {ways.issuers.map(({ id, name }) => (
        <a
          key={id}
          class="button primary large"
          href={operateUrl(`/sign-in/issuers/${encodeURIComponent(id)}`, { to: whereTo() })}
        >
          Sign in with {name}
        </a>
      ))}
      {ways.password ? <PasswordForm /> : null}
      <div class="sign-in-link">
        <h2>With a link</h2>
        <p>A node that you start prints a link that signs you in, once and within 10 minutes. Another one:</p>
        <code>npx coatcheck link{usualUrl === here ? '' : ` --url ${here}`}</code>
      </div>
    </>
  )
}

function PasswordForm() {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<CallFailed>()
  const submit = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      await signIn(name, password)
      await refreshSession()
    } catch (error) {
      setProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
      setPassword('')
      setBusy(false)
    }
  }
  return (
    <form
      class="dialog-form"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <Field label="Name" value={name} onValue={setName} autoComplete="username" isRequired autoFocus />
      <Field
        label="Password"
        type="password"
        value={password}
        onValue={setPassword}
        autoComplete="current-password"
        isRequired
      />
      {problem === undefined ? null : <ProblemNote problem={problem} />}
      <button type="submit" class="button primary large" disabled={isBusy}>
        {isBusy ? 'One moment…' : 'Sign in'}
      </button>
    </form>
  )
}
