import type { Mutant } from '../mutant.ts'

export const laneByNotify: Mutant = {
  name: '13-lane-by-notify',
  variant: 'NOTIFY only',
  insteadOf:
    'reading the log without a poll is mutant 6: here nobody looks for what is due in the lane unless told',
  noticedBy: 20,
  changes: [
    { file: 'src/engine/lane.ts', find: 'const maxPollMs = 1_000', replace: 'const maxPollMs = 3_600_000' },
  ],
}
