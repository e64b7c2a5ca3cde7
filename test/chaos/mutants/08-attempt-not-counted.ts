import type { Mutant } from '../mutant.ts'

export const attemptNotCounted: Mutant = {
  name: '08-attempt-not-counted',
  variant: 'retry without attempt increment',
  noticedBy: 15,
  changes: [
    {
      file: 'src/engine/settlement-rows.ts',
      find: "return state === 'held' || state === 'ready' ? work.attempts : work.attempts + 1",
      replace: 'return work.attempts',
    },
  ],
}
