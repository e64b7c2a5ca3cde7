import { signOut, type Session } from '../api/session.ts'
import { hrefOf } from '../state/router.ts'
import { sessionState } from '../state/session.ts'
import { say } from '../state/toasts.ts'
import { Icon } from '../ui/icon.tsx'
import { LiveSwitch } from './live-switch.tsx'
import { SearchBox } from './search-box.tsx'
import { ThemeSwitch } from './theme-switch.tsx'

interface TopBarProps {
  readonly session: Session
  readonly isMenuOpen: boolean
  readonly toggleMenu: () => void
}

export function TopBar({ session, isMenuOpen, toggleMenu }: TopBarProps) {
  const { operator, node } = session
  const leave = async () => {
    try {
      await signOut()
      sessionState.set({ kind: 'signed-out' })
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), 'bad')
    }
  }
  return (
    <header class="top-bar">
      <button
        type="button"
        class="icon-button menu-button"
        aria-label="Pages"
        aria-expanded={isMenuOpen}
        aria-controls="navigation"
        onClick={toggleMenu}
      >
        <Icon name={isMenuOpen ? 'close' : 'menu'} />
      </button>
      <a class="brand" href={hrefOf([])}>
        <Ticket />
        <span class="visually-hidden">Coatcheck: </span>
        <span class="brand-name">{node.name}</span>
        {node.environment === undefined ? null : <span class="environment">{node.environment}</span>}
      </a>
      <SearchBox />
      <div class="top-acts">
        <LiveSwitch />
        <ThemeSwitch />
        <span class="who" title={`${operator.id} · ${operator.role}`}>
          {operator.name}
          <small>{operator.role}</small>
        </span>
        <button
          type="button"
          class="icon-button"
          aria-label="Sign out"
          title="Sign out"
          onClick={() => void leave()}
        >
          <Icon name="out" />
        </button>
      </div>
    </header>
  )
}

/** A coat check's ticket with its hole. */
export function Ticket() {
  return (
    <svg class="ticket" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <path
        fill-rule="evenodd"
        d="M11 1h10l6 8v18a4 4 0 0 1-4 4H9a4 4 0 0 1-4-4V9zm5 5a3.2 3.2 0 0 0 0 6.4A3.2 3.2 0 0 0 16 6zm-6 13v2.4h12V19zm0 5v2.4h8V24z"
      />
    </svg>
  )
}
