import type { Mutant } from '../mutant.ts'

export const healthyHeartbeat: Mutant = {
  name: '07-healthy-heartbeat',
  variant: 'heartbeat in a separate healthy timer',
  noticedBy: 4,
  changes: [
    {
      file: 'src/engine/heartbeat-worker.ts',
      find: 'const stuckAfterMs = 30_000',
      replace: 'const stuckAfterMs = Infinity',
    },
  ],
}
