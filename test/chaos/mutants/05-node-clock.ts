import type { Mutant } from '../mutant.ts'

export const nodeClock: Mutant = {
  name: '05-node-clock',
  variant: 'node clock for leases',
  noticedBy: 20,
  changes: [
    {
      file: 'src/engine/heartbeat-worker.ts',
      find: '[order.bootId, order.leaseMs]',
      // As if the end of the lease were the node's time and not the database's.
      replace:
        '[order.bootId, order.leaseMs + Date.now() - Math.round(performance.timeOrigin + performance.now())]',
    },
  ],
}
