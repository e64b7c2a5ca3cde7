import { createStore } from './store.ts'

export interface Toast {
  readonly id: number
  readonly tone: 'good' | 'bad' | 'plain'
  readonly text: string
}

const shownMs = 6_000
let lastId = 0

export const toasts = createStore<readonly Toast[]>([])

/** Says something in the corner, and to who listens. */
export function say(text: string, tone: Toast['tone'] = 'good'): void {
  lastId += 1
  const toast = { id: lastId, tone, text }
  toasts.set([...toasts.get().slice(-3), toast])
  setTimeout(() => dismiss(toast.id), tone === 'bad' ? shownMs * 2 : shownMs)
}

export function dismiss(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id))
}
