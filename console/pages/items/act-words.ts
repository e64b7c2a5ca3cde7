import type { BulkKind, ItemState } from '../../api/items.ts'

interface ActWords {
  /** On the button. */
  readonly name: string
  /** What it does with one item. */
  readonly one: string
  /** What it does with many. */
  readonly many: string
  readonly done: string
  readonly isDangerous?: boolean
  /** The states in which it makes sense. */
  readonly states: readonly ItemState[]
}

const waiting: readonly ItemState[] = ['ready', 'scheduled', 'held', 'deferred']

/** What acts are called, and what they do. */
export const actWords: Readonly<Record<BulkKind, ActWords>> = {
  requeue: {
    name: 'Requeue',
    one: 'It runs again, with the same id and its attempts counted from 0.',
    many: 'They run again at once, with their ids and their attempts counted from 0.',
    done: 'Requeued',
    states: ['broken'],
  },
  redrive: {
    name: 'Redrive slowly',
    one: 'It runs again.',
    many: 'Ten run again, then 20, 40 … up to 1,000 at a time, and it stops when more than half of a wave break again. Good after an outage of another system.',
    done: 'Redriven',
    states: ['broken'],
  },
  cancel: {
    name: 'Cancel',
    one: 'It ends as cancelled. A handler that runs is told to stop.',
    many: 'They end as cancelled. Handlers that run are told to stop.',
    done: 'Cancelled',
    isDangerous: true,
    states: [...waiting, 'running'],
  },
  defer: {
    name: 'Defer',
    one: 'It is parked, and keeps its place in the order of its key.',
    many: 'They are parked, and keep their places in the order of their keys.',
    done: 'Deferred',
    states: ['ready', 'scheduled', 'held'],
  },
  resume: {
    name: 'Resume',
    one: 'It goes on.',
    many: 'They go on.',
    done: 'Resumed',
    states: ['deferred'],
  },
  edit: {
    name: 'Edit',
    one: 'It gets another payload and stays where it is. The log keeps the old one.',
    many: 'They get another payload.',
    done: 'Edited',
    states: [...waiting, 'broken'],
  },
  skip: {
    name: 'Skip',
    one: 'It is given up: it ends as cancelled, and the next one of its key runs.',
    many: 'Those that block their key are given up: they end as cancelled, and the next ones of their keys run.',
    done: 'Skipped',
    isDangerous: true,
    states: ['broken'],
  },
  release: {
    name: 'Release key',
    one: 'It stays broken, and the next one of its key runs.',
    many: 'They stay broken, and the next ones of their keys run.',
    done: 'Released',
    states: ['broken'],
  },
  remove: {
    name: 'Remove',
    one: 'It is given up: it ends as cancelled.',
    many: 'They are given up: they end as cancelled.',
    done: 'Removed',
    isDangerous: true,
    states: ['broken'],
  },
  clone: {
    name: 'Clone',
    one: 'A new item with the same payload is enqueued.',
    many: 'For each a new item with the same payload is enqueued.',
    done: 'Cloned',
    states: ['succeeded', 'cancelled', 'broken', 'ready', 'scheduled', 'held', 'deferred', 'running'],
  },
}

const bulkKinds: readonly BulkKind[] = [
  'requeue',
  'redrive',
  'release',
  'skip',
  'remove',
  'resume',
  'defer',
  'cancel',
]

/** The acts on many that make sense in one of the states, or in any. */
export function bulkKindsFor(states: readonly ItemState[] | undefined): readonly BulkKind[] {
  return bulkKinds.filter((kind) => states?.some((state) => actWords[kind].states.includes(state)) ?? true)
}
