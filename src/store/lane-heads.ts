/**
 * Whether a row of the lane is the first of its key there, as an SQL condition. Where order is relaxed, those that wait for a
 * time or a person hold nobody. Asked in a subselect that is ordered and limited: as `not exists` it may become a join of all
 * rows with all.
 * @param relaxed ids of the definitions whose order is
 */
export function isHead(schema: string, row: string, relaxed: string): string {
  return `(${row}.key is null or ${row}.id = (
        select e.id
        from ${schema}.waiting_item e
        where e.queue = ${row}.queue and e.partition = ${row}.partition and e.scope = ${row}.scope and e.key = ${row}.key
          and e.position is not null
          and not (e.state in ('scheduled', 'deferred') and e.definition = any (${relaxed}))
        order by e.generation, e.position
        limit 1
      ))`
}
