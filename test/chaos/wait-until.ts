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
