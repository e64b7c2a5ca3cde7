import type { Mutant } from '../mutant.ts'

export const swallowedRowcount: Mutant = {
  name: '10-swallowed-rowcount',
  variant: 'swallow rowcount = 0',
  noticedBy: 3,
  changes: [
    {
      file: 'src/store/migrations/*.sql',
      find: `    if place is null then
      raise exception 'coatcheck: fenced'`,
      replace: `    if false then
      raise exception 'coatcheck: fenced'`,
    },
  ],
}
