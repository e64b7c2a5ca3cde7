import type { Figures, QueueFigure } from '../engine/queue-figures.ts'
import type { AlertRow } from '../store/alerts.ts'

/** Something that an operator should look at, and where. */
export interface Attention {
  readonly kind: 'alert' | 'blocked-keys' | 'stopped-queue' | 'broken' | 'node-lost'
  readonly severity: 'warning' | 'critical'
  readonly title: string
  readonly detail: string
  /** Within the console. */
  readonly href: string
  readonly since?: Date
}

/** Rules that stand below in words of their own. */
const told = new Set(['key-blocked', 'queue-stopped'])
/** Of each kind; the pages that they lead to have the rest. */
const maxOfKind = 20

/** What needs attention, the worst first. */
export function findAttention({ queues }: Figures, alerts: readonly AlertRow[]): Attention[] {
  const of = (find: (queue: QueueFigure) => Attention[]): Attention[] =>
    queues.flatMap(find).slice(0, maxOfKind)
  const found = [
    ...alerts.filter(({ rule }) => !told.has(rule)).map(fromAlert),
    ...of(blockedKeys),
    ...of(heldUp),
    ...of(broken),
  ]
  const isCritical = (one: Attention): number => (one.severity === 'critical' ? 0 : 1)
  return found.toSorted((a, b) => isCritical(a) - isCritical(b))
}

function fromAlert({ rule, subject, severity, title, since }: AlertRow): Attention {
  const isNode = rule === 'node-lost'
  return {
    kind: isNode ? 'node-lost' : 'alert',
    severity,
    title,
    detail: isNode ? 'Others have taken over what it ran' : `The rule ${rule}`,
    href: isNode ? '/nodes' : queueHref(subject),
    since: new Date(since),
  }
}

function blockedKeys({ name, blockedKeys: count, blockedSince }: QueueFigure): Attention[] {
  if (count === 0) return []
  return [
    {
      kind: 'blocked-keys',
      severity: 'critical',
      title: count === 1 ? `1 key of ${name} is blocked` : `${count} keys of ${name} are blocked`,
      detail: 'A broken item holds what comes after it until somebody decides',
      href: queueHref(name),
      ...(blockedSince !== undefined && { since: new Date(blockedSince) }),
    },
  ]
}

function heldUp({ name, state, since, ready }: QueueFigure): Attention[] {
  if (state === 'running') return []
  return [
    {
      kind: 'stopped-queue',
      severity: 'warning',
      title: `${name} is ${state}`,
      detail: ready === 1 ? '1 item waits' : `${ready} items wait`,
      href: queueHref(name),
      ...(since !== undefined && { since: new Date(since) }),
    },
  ]
}

function broken({ name, broken: count }: QueueFigure): Attention[] {
  if (count === 0) return []
  return [
    {
      kind: 'broken',
      severity: 'warning',
      title: count === 1 ? `1 item of ${name} is broken` : `${count} items of ${name} are broken`,
      detail: 'Out of attempts, or rejected',
      href: `/items?state=broken&queue=${encodeURIComponent(name)}`,
    },
  ]
}

function queueHref(name: string): string {
  return `/queues/${encodeURIComponent(name)}`
}
