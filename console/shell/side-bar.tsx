import { basePath } from '../api/base-path.ts'
import type { Session } from '../api/session.ts'
import { knownPages, type PageEntry } from '../state/pages.ts'
import { hrefOf, place } from '../state/router.ts'
import { useStore } from '../state/store.ts'
import { Icon, isIconName } from '../ui/icon.tsx'

const groups = [
  ['work', 'Work'],
  ['doors', 'Doors'],
  ['house', 'House'],
] as const

export function SideBar({ session, showHelp }: { session: Session; showHelp: () => void }) {
  const pages = knownPages()
  const { parts } = useStore(place)
  const current = parts[0] ?? pages[0]?.name
  return (
    <nav class="side-bar" id="navigation" aria-label="Pages">
      {groups.map(([group, title]) => (
        <NavigationGroup
          key={group}
          title={title}
          pages={pages.filter((page) => page.group === group)}
          current={current}
        />
      ))}
      <div class="side-foot">
        <a href={`${basePath}/docs`} target="_blank" rel="noreferrer">
          <Icon name="external" />
          <span class="side-text">API</span>
        </a>
        <button type="button" onClick={showHelp}>
          <Icon name="help" />
          <span class="side-text">Keys</span>
          <kbd>?</kbd>
        </button>
        <p class="quiet">
          Coatcheck {session.node.version}
          <br />
          {session.node.durability === 'durable' ? 'PostgreSQL' : 'embedded: for development'}
        </p>
      </div>
    </nav>
  )
}

function NavigationGroup({
  title,
  pages,
  current,
}: {
  title: string
  pages: readonly PageEntry[]
  current: string | undefined
}) {
  if (pages.length === 0) return null
  return (
    <>
      <p class="side-group" id={`group-${title}`}>
        {title}
      </p>
      <ul aria-labelledby={`group-${title}`}>
        {pages.map(({ name, title: text }) => (
          <li key={name}>
            <a href={hrefOf([name])} title={text} aria-current={current === name ? 'page' : undefined}>
              {isIconName(name) ? <Icon name={name} /> : null}
              <span class="side-text">{text}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  )
}
