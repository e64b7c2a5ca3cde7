import type { FoundAlert } from '../store/alerts.ts'
import type { Figures, QueueFigure } from './queue-figures.ts'

/** What has to be known beside the figures: how many items ended well and were broken in the last ten minutes, by queue. */
export type Rates = ReadonlyMap<number, { readonly succeeded: number; readonly broken: number }>

const minuteMs = 60_000
const blockedMs = minuteMs
const oldestMs = 5 * minuteMs
const brokenShare = 0.05
/** Of fewer that ended a share says little. */
const fewest = 20
/** A node that died is told of for so long. */
const lostMs = 15 * minuteMs

/** What an operator should know, by how things stand: one for each rule and queue or node. */
export function findAlerts(figures: Figures, rates: Rates): FoundAlert[] {
  const { at, queues, nodes } = figures
  const found = queues.flatMap((queue) => [
    ...blockedKeys(queue, at),
    ...stopped(queue),
    ...oldest(queue),
    ...brokenRate(queue, rates),
  ])
  for (const { bootId, name, isAlive, leaseUntil } of nodes)
    if (!isAlive && at - leaseUntil < lostMs)
      found.push({
        rule: 'node-lost',
        subject: bootId,
        severity: 'critical',
        title: `The node ${name} was lost: it has not been heard of, and did not stop`,
      })
  return found
}

function blockedKeys({ name, blockedKeys: count, blockedSince }: QueueFigure, at: number): FoundAlert[] {
  if (blockedSince === undefined || at - blockedSince < blockedMs) return []
  const keys = count === 1 ? '1 key waits' : `${count} keys wait`
  return [
    { rule: 'key-blocked', subject: name, severity: 'critical', title: `${keys} for a person in ${name}` },
  ]
}

function stopped({ name, state }: QueueFigure): FoundAlert[] {
  if (state !== 'stopped') return []
  return [
    { rule: 'queue-stopped', subject: name, severity: 'warning', title: `The queue ${name} is stopped` },
  ]
}

function oldest({ name, state, oldestAgeMs }: QueueFigure): FoundAlert[] {
  // Of a queue that somebody holds up it is no news.
  if (state !== 'running' || oldestAgeMs === undefined || oldestAgeMs < oldestMs) return []
  const title = `An item has been waiting for its turn in ${name} for more than ${oldestMs / minuteMs} minutes`
  return [{ rule: 'oldest-waiting', subject: name, severity: 'warning', title }]
}

function brokenRate({ queue, name }: QueueFigure, rates: Rates): FoundAlert[] {
  const { succeeded = 0, broken = 0 } = rates.get(queue) ?? {}
  if (succeeded + broken < fewest || broken <= brokenShare * (succeeded + broken)) return []
  const title = `More than ${100 * brokenShare} % of what ended in ${name} within 10 minutes is broken`
  return [{ rule: 'broken-rate', subject: name, severity: 'critical', title }]
}
