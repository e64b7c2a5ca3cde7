import { useEffect, useRef, type ComponentChildren } from '../preact.ts'

/** The heading of a page: what the window is called, and where the focus goes when one comes to it. */
export function PageHead({
  title,
  mark,
  children,
}: {
  title: string
  mark?: ComponentChildren
  children?: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Coatcheck`
  }, [title])
  useEffect(() => {
    // Data that comes late may draw it anew: who types already is left alone.
    if (!document.activeElement?.matches('input, textarea, select, dialog *'))
      heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <header class="page-head">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {mark}
      <div class="page-acts">{children}</div>
    </header>
  )
}
