/** Each state has a shape of its own beside its colour. */
const shapes: Readonly<Record<string, string>> = {
  ready: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z',
  running: 'M5 3v10l8-5z',
  scheduled: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM8 5.5V8l1.8 1.3',
  held: 'M4.5 7.5h7v5h-7zM6 7.5V6a2 2 0 0 1 4 0v1.5',
  deferred: 'M5.5 4v8M10.5 4v8',
  broken: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  succeeded: 'M3.5 8.5l3 3 6-7',
  cancelled: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM4.8 11.2l6.4-6.4',
  paused: 'M5.5 4v8M10.5 4v8',
  stopped: 'M4.5 4.5h7v7h-7z',
  alive: 'M3.5 8.5l3 3 6-7',
  lost: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  warning: 'M8 3l5.5 9.5h-11zM8 6.5v2.8',
  critical: 'M8 2.5l5.5 5.5L8 13.5 2.5 8zM8 5.5v3.2',
}

export function StateShape({ state }: { state: string }) {
  return (
    <svg class="state-shape" data-state={state} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={shapes[state] ?? shapes['ready']} />
    </svg>
  )
}

/** @param state of an item, a queue or a node, or how severe something is */
export function StateChip({ state, title }: { state: string; title?: string | undefined }) {
  return (
    <span class="chip" data-state={state} title={title}>
      <StateShape state={state} />
      {state}
    </span>
  )
}
