import type { Mutant } from '../mutant.ts'

export const ackBeforeCommit: Mutant = {
  name: '01-ack-before-commit',
  variant: 'ack before commit',
  noticedBy: 8,
  changes: [
    {
      file: 'src/engine/group-commit.ts',
      find: '    await open.settled\n    return added',
      replace: '    return added',
    },
  ],
}
