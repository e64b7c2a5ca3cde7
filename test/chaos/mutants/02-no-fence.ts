import type { Mutant } from '../mutant.ts'

export const noFence: Mutant = {
  name: '02-no-fence',
  variant: 'no token in WHERE',
  noticedBy: 3,
  changes: [
    {
      file: 'src/store/migrations/*.sql',
      find: '      where p.ctid = places[i] and p.queue = queues[i] and p.partition = partition_numbers[i]\n        and p.owner = boot and p.epoch = epochs[i]\n        and not p.done && dones[i]::int8multirange\n',
      replace:
        '      where p.ctid = places[i] and p.queue = queues[i] and p.partition = partition_numbers[i]\n',
    },
    {
      file: 'src/store/migrations/*.sql',
      find: '      where p.queue = queues[i] and p.partition = partition_numbers[i]\n        and p.owner = boot and p.epoch = epochs[i]\n        and not p.done && dones[i]::int8multirange\n',
      replace: '      where p.queue = queues[i] and p.partition = partition_numbers[i]\n',
    },
  ],
}
