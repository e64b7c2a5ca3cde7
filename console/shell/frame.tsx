import type { Session } from '../api/session.ts'
import { useEffect, useState } from '../preact.ts'
import { startLive } from '../state/live.ts'
import { knownPages } from '../state/pages.ts'
import { place } from '../state/router.ts'
import { useStore } from '../state/store.ts'
import { ConnectionBar } from './connection-bar.tsx'
import { HelpDialog } from './help-dialog.tsx'
import { useShortcuts } from './shortcuts.ts'
import { ShownPage } from './shown-page.tsx'
import { SideBar } from './side-bar.tsx'
import { TopBar } from './top-bar.tsx'

/** What stands around every page; made anew for each person. */
export function Frame({ session }: { session: Session }) {
  const [isHelpOpen, setHelpOpen] = useState(false)
  const [isMenuOpen, setMenuOpen] = useState(false)
  const { href } = useStore(place)
  useEffect(startLive, [])
  useEffect(() => setMenuOpen(false), [href])
  useShortcuts({ showHelp: () => setHelpOpen(true), closeMenu: () => setMenuOpen(false) })
  return (
    <div class={isMenuOpen ? 'frame with-menu' : 'frame'}>
      <a class="skip-link" href="#main">
        Skip to the page
      </a>
      <TopBar session={session} isMenuOpen={isMenuOpen} toggleMenu={() => setMenuOpen(!isMenuOpen)} />
      <SideBar session={session} showHelp={() => setHelpOpen(true)} />
      {isMenuOpen ? <div class="scrim" onClick={() => setMenuOpen(false)} /> : null}
      <main id="main" class="main" tabIndex={-1}>
        <ConnectionBar />
        <ShownPage pages={knownPages()} />
      </main>
      {isHelpOpen ? <HelpDialog onClose={() => setHelpOpen(false)} /> : null}
    </div>
  )
}
