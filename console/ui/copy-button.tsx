import { useState } from '../preact.ts'
import { say } from '../state/toasts.ts'
import { Icon } from './icon.tsx'

/** Copies a text; `label` says what, for who listens and on hovering. */
export function CopyButton({
  text,
  label,
  showLabel,
}: {
  text: string | (() => string)
  label: string
  showLabel?: boolean
}) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
      setCopied(true)
      setTimeout(() => setCopied(false), 1_500)
    } catch {
      // plain HTTP at another address than localhost has no clipboard
      say('The browser does not let this page copy; mark the text and copy it by hand', 'bad')
    }
  }
  return (
    <button
      type="button"
      class={showLabel ? 'button' : 'icon-button'}
      aria-label={showLabel ? undefined : label}
      title={label}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? 'check' : 'copy'} />
      {showLabel ? (isCopied ? 'Copied' : label) : null}
      {isCopied && !showLabel ? (
        <span class="visually-hidden" role="status">
          Copied
        </span>
      ) : null}
    </button>
  )
}
