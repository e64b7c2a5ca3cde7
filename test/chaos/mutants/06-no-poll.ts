import type { Mutant } from '../mutant.ts'

export const noPoll: Mutant = {
  name: '06-no-poll',
  variant: 'no poll fallback',
  noticedBy: 23,
  changes: [
    { file: 'src/engine/reader.ts', find: 'const pollMs = 500', replace: 'const pollMs = 3_600_000' },
  ],
}
