import type { Mutant } from '../mutant.ts'

export const noFence: Mutant = {
  name: '02-no-fence',
  variant: 'no token in WHERE',
  noticedBy: 3,
  changes: [
    {
      file: 'src/store/migrations/*.sql',
      find: '      and p.owner = boot and p.epoch = epochs[i]\n      and not p.done && dones[i]::int8multirange;',
      replace: '    ;',
    },
  ],
}
