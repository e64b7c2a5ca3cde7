import { isBlocked } from './blocked-keys.ts'
import type { Runner } from './driver.ts'
import { isHead } from './lane-heads.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'
import type { Ord } from './waiting-items.ts'

/** Rows that one page looks at, at most. */
const walkedAtOnce = 1_000

// Of those with a time: which had come to it when the owner died, by an index of theirs, in its order, or any table scan would
// look cheaper. Of the others the first of each key:
// behind it nothing can have been running. They are walked by position, so many at a time: behind one that waits for its next
// attempt a hot key may have any number.
const suspects = statement(
  'lane-suspects',
  (schema) => `
  with part as materialized (
    select p.generation, p.suspect_to, p.unclean_at
    from ${schema}.partition p
    where p.queue = $1 and p.partition = $2
  ), page as materialized (
    select w.generation, w.position, w.definition = any ($3::text[]) and ${isHead(schema, 'w', '$4::text[]')} and not ${isBlocked(schema, 'w')} as is_found
    from part
    cross join lateral (
      select *
      from ${schema}.waiting_item
      where queue = $1 and partition = $2 and position is not null and state in ('held', 'ready')
        and (generation, position) > ($5, $6) and (generation, position) < (part.generation, part.suspect_to)
      order by generation, position
      limit ${walkedAtOnce}
    ) as w
  )
  select walked.*, last.*, exists (select from page where is_found) or exists (
    select
    from part
    cross join unnest($3::text[]) as d(id)
    cross join lateral (
      select
      from ${schema}.waiting_item w
      where w.queue = $1 and w.partition = $2 and w.definition collate "C" = d.id and w.due_at <= part.unclean_at and not w.moves
        and w.state = 'scheduled' and (w.generation, w.position) < (part.generation, part.suspect_to)
      order by w.due_at
      limit 1
    ) as due
  ) as is_found
  from (select count(*)::int as walked from page) as walked
  left join (select generation, position from page order by generation desc, position desc limit 1) as last on true`,
)

/** What one page of a lane says of what may have been running when the partition's owner died. */
export interface LaneSuspects {
  /** The lane holds something of that kind. */
  readonly isFound: boolean
  /** More rows may stand behind this place; undefined where there are none. */
  readonly after: Ord | undefined
}

/** Looks at a page of the lane, behind `after`. Places of one's own generation are looked at up to the partition's bound. */
export async function readLaneSuspects(
  runner: Runner,
  schema: string,
  name: PartitionName,
  definitions: readonly { readonly id: string; readonly order: 'strict' | 'relaxed' }[],
  after: Ord,
): Promise<LaneSuspects> {
  const [row] = await runner.run(suspects(schema), [
    name.queue,
    name.partition,
    definitions.map(({ id }) => id),
    definitions.filter(({ order }) => order === 'relaxed').map(({ id }) => id),
    after.generation,
    after.position,
  ])
  return {
    isFound: row?.['is_found'] === true,
    after:
      row?.['walked'] === walkedAtOnce
        ? { generation: Number(row['generation']), position: Number(row['position']) }
        : undefined,
  }
}
