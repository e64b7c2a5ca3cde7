import { setTimeout as work } from 'node:timers/promises'

/**
 * What a poisonous item does: it throws, rejects, or never settles; or to its node: ends the process, fills its memory, leaves a
 * rejection floating, kills it, holds its event loop until its heartbeat has stopped and its lease is over, and returns as if
 * nothing were; `late` fails once, and kills when it is tried again, from the lane.
 */
export const deeds = [
  'throw',
  'reject',
  'never',
  'exit',
  'memory',
  'rejection',
  'kill',
  'loop',
  'late',
] as const
export type Deed = (typeof deeds)[number]

/** Those that a process does not outlive. */
export const deadly: ReadonlySet<Deed> = new Set(['exit', 'memory', 'rejection', 'kill', 'late'])

/** @throws Error where that is the deed; not within a promise for `throw` */
export function commit(deed: Deed): Promise<void> {
  switch (deed) {
    case 'throw':
      throw new Error('It throws.')
    case 'reject':
      return work(1).then(() => {
        throw new Error('It rejects.')
      })
    case 'never':
      return new Promise<void>(() => {})
    case 'exit':
      process.exit(1)
      break
    case 'memory': {
      const filled: number[][] = []
      for (;;) filled.push(Array.from<number>({ length: 2_000_000 }).fill(0.5))
    }
    case 'rejection':
      void Promise.reject(new Error('Nobody waits for this.'))
      // It would have returned by the time that the process notices.
      return Promise.resolve()
    case 'loop': {
      const until = performance.now() + 45_000
      while (performance.now() < until);
      return Promise.resolve()
    }
    case 'kill':
    case 'late':
      process.kill(process.pid, 'SIGKILL')
      return work(60_000)
  }
}
