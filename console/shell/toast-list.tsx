import { useStore } from '../state/store.ts'
import { dismiss, toasts } from '../state/toasts.ts'
import { Icon } from '../ui/icon.tsx'

/** Always there, so that those who listen hear what comes into it. */
export function ToastList() {
  const shown = useStore(toasts)
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, tone, text }) => (
        <div key={id} class="toast" data-tone={tone}>
          <Icon name={tone === 'bad' ? 'warning' : 'check'} />
          <span>{text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  )
}
