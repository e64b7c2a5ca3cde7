import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the answer is yes; fails with what was waited for after a minute, which a busy machine may need. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`)
    await delay(10)
  }
}

/** A promise and the function that keeps it. */
export function promised<T = void>(): { promise: Promise<T>; keep: (value: T) => void } {
  let keep: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    keep = resolve
  })
  return { promise, keep }
}
