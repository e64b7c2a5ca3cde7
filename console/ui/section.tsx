import { useId, type ComponentChildren } from '../preact.ts'

interface SectionProps {
  readonly title: string
  readonly children: ComponentChildren
  readonly aside?: ComponentChildren
  readonly count?: number | undefined
}

export function Section({ title, children, aside, count }: SectionProps) {
  const id = useId()
  return (
    <section class="section" aria-labelledby={id}>
      <header class="section-head">
        <h2 id={id}>
          {title}
          {count === undefined ? null : <span class="count">{count}</span>}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  )
}
