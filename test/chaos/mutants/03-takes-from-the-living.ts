import type { Mutant } from '../mutant.ts'

export const takesFromTheLiving: Mutant = {
  name: '03-takes-from-the-living',
  variant: 'rescue by id only',
  noticedBy: 16,
  changes: [
    {
      file: 'src/store/partitions.ts',
      find: `      select from \${schema}.node n where n.boot_id = p.owner and n.lease_until > \${schema}.clock()
    )`,
      replace: `      select from \${schema}.node n where n.boot_id = p.owner and false
    )`,
    },
    {
      file: 'src/engine/ownership.ts',
      find: 'return row.owner === undefined || row.owner === this.#parts.bootId || !row.alive',
      replace: 'return true',
    },
  ],
}
