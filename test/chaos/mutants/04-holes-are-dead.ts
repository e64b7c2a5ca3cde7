import type { Mutant } from '../mutant.ts'

export const holesAreDead: Mutant = {
  name: '04-holes-are-dead',
  variant: 'order by id ignoring in-flight transactions',
  noticedBy: 25,
  changes: [
    {
      file: 'src/stream/postgres-stream.ts',
      find: 'pg_snapshot_xmin(pg_current_snapshot()) >= h.mark::xid8 as ended',
      replace: 'true as ended',
    },
  ],
}
