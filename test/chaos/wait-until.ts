import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the answer is yes; fails with what was waited for. */
export async function waitUntil(
  what: string,
  waitMs: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + waitMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited ${waitMs} ms in vain until ${what}.`)
    await delay(20)
  }
}

/** The answer, or after so long an error that says what was waited for. */
export async function within<T>(what: string, waitMs: number, asked: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Waited ${waitMs} ms in vain until ${what}.`)), waitMs)
  try {
    return await Promise.race([asked, promise])
  } finally {
    clearTimeout(timer)
    // Nobody waits for it any more where it is late.
    asked.catch(() => {})
  }
}
