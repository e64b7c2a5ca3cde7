import { useLayoutEffect } from '../preact.ts'
import { focusedRow, listKeys, moveRow } from '../state/keys.ts'
import { knownPages } from '../state/pages.ts'
import { goTo, hrefOf } from '../state/router.ts'

interface Shell {
  readonly showHelp: () => void
  readonly closeMenu: () => void
}

const chordMs = 1_200

/** Listens to the keys that work on every page. */
export function useShortcuts(shell: Shell): void {
  // With the page, not some time after it: who is fast presses a key as soon as it is seen.
  useLayoutEffect(() => {
    let chordUntil = 0
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      if (document.querySelector('dialog[open]') || isTyping(event.target)) return
      const isChord = performance.now() < chordUntil
      chordUntil = 0
      if (isChord && goByLetter(event.key)) return event.preventDefault()
      if (event.key === 'g') {
        chordUntil = performance.now() + chordMs
        return undefined
      }
      if (actOn(event, shell)) event.preventDefault()
      return undefined
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}

function goByLetter(letter: string): boolean {
  const page = knownPages().find((entry) => entry.letter === letter)
  if (page) goTo(hrefOf([page.name]))
  return page !== undefined
}

function actOn(event: KeyboardEvent, shell: Shell): boolean {
  switch (event.key) {
    case '/':
      document.getElementById('search')?.focus()
      return true
    case '?':
      shell.showHelp()
      return true
    case 'j':
      moveRow(1)
      return true
    case 'k':
      moveRow(-1)
      return true
    case 'x': {
      const id = focusedRow()
      if (id !== undefined) listKeys()?.select(id)
      return true
    }
    case 'Escape':
      shell.closeMenu()
      listKeys()?.clear()
      return false
    default:
      return false
  }
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'submit'].includes(target.type)
  return (
    target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable
  )
}
