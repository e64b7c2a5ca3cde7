import type { ComponentChildren } from '../preact.ts'

interface TileProps {
  readonly name: string
  readonly value: ComponentChildren
  readonly note?: ComponentChildren
  readonly href?: string | undefined
  readonly tone?: 'bad' | 'warn' | undefined
}

/** A figure that is read at a glance. */
export function Tile({ name, value, note, href, tone }: TileProps) {
  const inside = (
    <>
      <span class="tile-name">{name}</span>
      <span class="tile-value">{value}</span>
      <span class="tile-note">{note ?? ' '}</span>
    </>
  )
  return href === undefined ? (
    <div class="tile" data-tone={tone}>
      {inside}
    </div>
  ) : (
    <a class="tile" data-tone={tone} href={href}>
      {inside}
    </a>
  )
}
