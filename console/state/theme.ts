import { keep, readKept } from './kept.ts'
import { createStore } from './store.ts'

export type ThemeChoice = 'system' | 'light' | 'dark'

const prefersDark = matchMedia('(prefers-color-scheme: dark)')

/** What the person has chosen. */
export const themeChoice = createStore<ThemeChoice>(readChoice())

/** What is shown. */
export const shownTheme = createStore<'light' | 'dark'>('light')

function readChoice(): ThemeChoice {
  const kept = readKept('theme')
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

export function chooseTheme(choice: ThemeChoice): void {
  keep('theme', choice === 'system' ? undefined : choice)
  themeChoice.set(choice)
  showTheme()
}

/** Shows the chosen theme, and follows the system where none is chosen. */
export function startTheme(): void {
  prefersDark.addEventListener('change', showTheme)
  showTheme()
}

function showTheme(): void {
  const choice = themeChoice.get()
  const shown = choice === 'system' ? (prefersDark.matches ? 'dark' : 'light') : choice
  document.documentElement.dataset['theme'] = shown
  shownTheme.set(shown)
}
