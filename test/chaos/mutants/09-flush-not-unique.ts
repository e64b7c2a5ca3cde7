import type { Mutant } from '../mutant.ts'

export const flushNotUnique: Mutant = {
  name: '09-flush-not-unique',
  variant: 'tick without unique key',
  insteadOf: 'there are no schedules yet: a flush that is sent again is not held against its unique key',
  noticedBy: 11,
  changes: [
    {
      file: 'src/store/migrations/0001_road.sql',
      find: 'create unique index log_flush on',
      replace: 'create index log_flush on',
    },
    {
      file: 'src/store/migrations/*.sql',
      find: '  on conflict (flush) do nothing;\n',
      replace: '  ;\n',
    },
  ],
}
