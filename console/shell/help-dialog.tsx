import { knownPages } from '../state/pages.ts'
import { Dialog } from '../ui/dialog.tsx'

const keys = [
  ['/', 'Search'],
  ['j k', 'Down and up in a list'],
  ['Enter', 'Open'],
  ['x', 'Select'],
  ['Esc', 'Close, clear the selection'],
  ['?', 'These keys'],
] as const

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="key-list">
        {keys.map(([key, what]) => (
          <KeyLine key={key} keys={key} what={what} />
        ))}
        {knownPages().map(({ name, title, letter }) =>
          letter === undefined ? null : <KeyLine key={name} keys={`g ${letter}`} what={title} />,
        )}
      </dl>
    </Dialog>
  )
}

function KeyLine({ keys: text, what }: { keys: string; what: string }) {
  return (
    <div>
      <dt>
        {text.split(' ').map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  )
}
