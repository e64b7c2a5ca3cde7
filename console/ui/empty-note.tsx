import type { ComponentChildren } from '../preact.ts'
import { CodeBlock } from './code-block.tsx'

/** Stands where a list would, and says what to do next. */
export function EmptyNote({
  title,
  children,
  code,
}: {
  title: string
  children?: ComponentChildren
  code?: string | undefined
}) {
  return (
    <div class="empty-note">
      <p class="empty-title">{title}</p>
      {children === undefined ? null : <p>{children}</p>}
      {code === undefined ? null : <CodeBlock code={code} />}
    </div>
  )
}
