import { useStore } from '../state/store.ts'
import { chooseTheme, themeChoice, type ThemeChoice } from '../state/theme.ts'
import { Icon } from '../ui/icon.tsx'

const next: Readonly<Record<ThemeChoice, ThemeChoice>> = { system: 'light', light: 'dark', dark: 'system' }
const icons = { system: 'system', light: 'sun', dark: 'moon' } as const
const names = { system: 'as the system', light: 'light', dark: 'dark' } as const

export function ThemeSwitch() {
  const choice = useStore(themeChoice)
  const text = `Theme: ${names[choice]}. Press for ${names[next[choice]]}`
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={text}
      title={text}
      onClick={() => chooseTheme(next[choice])}
    >
      <Icon name={icons[choice]} />
    </button>
  )
}
