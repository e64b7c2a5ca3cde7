import { CopyButton } from './copy-button.tsx'

/** Text to paste elsewhere. */
export function CodeBlock({ code, label = 'Copy' }: { code: string; label?: string }) {
  return (
    <div class="code-block">
      <pre tabIndex={0} aria-label={label}>
        {code}
      </pre>
      <CopyButton text={code} label={label} />
    </div>
  )
}
