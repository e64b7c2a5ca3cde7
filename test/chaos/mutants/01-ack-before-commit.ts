import type { Mutant } from '../mutant.ts'

export const ackBeforeCommit: Mutant = {
  name: '01-ack-before-commit',
  variant: 'ack before commit',
  noticedBy: 8,
  changes: [
    {
      file: 'src/engine/group-commit.ts',
      find: 'return { added, settled: open.settled }',
      replace: 'return { added, settled: Promise.resolve() }',
    },
  ],
}
