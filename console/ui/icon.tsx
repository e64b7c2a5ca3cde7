/** Drawn on 16 × 16 with a stroke of the text's colour. */
const drawings = {
  overview: 'M2 13h12M3.5 10.5 6.5 6.5 9 9l3.5-5',
  queues: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  items: 'M5 2h6l2.5 3.5V13a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1V5.5zM8 5.2v.1M5.5 9.5h5M5.5 11.7h5',
  services: 'M6 2v3.5M10 2v3.5M4 5.5h8v2a4 4 0 0 1-8 0zM8 11.5V14',
  'api-keys':
    'M10.5 9.5a3.5 3.5 0 1 0-3.3-2.3L2.5 12v2h2.2v-1.8h1.8v-1.8h1l.7-.7a3.5 3.5 0 0 0 2.3-.2zM11.3 5v.1',
  nodes: 'M3 2.5h10v4H3zM3 9.5h10v4H3zM5.5 4.5h.1M5.5 11.5h.1',
  applications: 'M8 2 14 5 8 8 2 5zM2 8l6 3 6-3M2 11l6 3 6-3',
  settings: 'M2.5 4.5h6M11.5 4.5h2M10 3v3M2.5 11.5h2M7.5 11.5h6M6 10v3M2.5 8h11',
  alerts: 'M8 2a4 4 0 0 1 4 4c0 4 1.5 5 1.5 5h-11S4 10 4 6a4 4 0 0 1 4-4zM6.7 13.5a1.4 1.4 0 0 0 2.6 0',
  audit: 'M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2.5',
  users:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c.3-2.6 2-4 4.5-4s4.2 1.4 4.5 4M10.5 2.8a2.5 2.5 0 0 1 0 4.4M12 9.9c1.4.6 2.3 1.8 2.5 3.6',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  moon: 'M13.2 9.8A5.6 5.6 0 0 1 6.2 2.8a5.6 5.6 0 1 0 7 7z',
  system: 'M2.5 3h11v7.5h-11zM5.5 13.5h5M8 10.5v3',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  close: 'M4 4l8 8M12 4l-8 8',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  check: 'M3 8.5 6.5 12 13 4.5',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8z',
  stop: 'M4 4h8v8H4z',
  restart: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.2 6.3a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.7-.8 1.3M8 11.2v.1',
  chevron: 'M6 4l4 4-4 4',
  external: 'M9 3h4v4M13 3 7 9M11 9.5V13H3V5h3.5',
  edit: 'M10.5 3.5l2 2L6 12l-2.7.7L4 10z',
  filter: 'M2.5 3.5h11L9.5 8.3v4.2l-3-1.5V8.3z',
  lock: 'M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  warning: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1',
  link: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.2 1.2a3 3 0 0 1-4.3-4.3l1.2-1.2',
  out: 'M6 2.5H3v11h3M7 8h6.5M10.7 5.2 13.5 8l-2.8 2.8',
} as const

export type IconName = keyof typeof drawings

export const isIconName = (name: string): name is IconName => Object.hasOwn(drawings, name)

/** Beside a word it says nothing of its own, so it is hidden from who listens. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={drawings[name]} />
    </svg>
  )
}
