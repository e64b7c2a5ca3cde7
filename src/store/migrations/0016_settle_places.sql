-- The last word of each settle: moves the progress of partitions on, fenced by their owner's epoch. `places` are where their
-- rows were at the caller's last settle, or null: while a snapshot is held open, every version of a row stays, and to look for
-- the newest by its key reads all of them. Answers the clock in milliseconds and where each row is now.
-- CC004: a partition is no longer the caller's, or a position was done before.
create function {schema}.advance_partitions(
  boot uuid, queues int[], partition_numbers int[], epochs bigint[], dones text[], indexed bigint[], places tid[]
) returns text
language plpgsql
set lock_timeout = '6s'
as $$
declare
  place tid;
  answer text := '';
begin
  -- One partition after the other in the order given (sorted), so that two settles of a node never wait in a circle.
  for i in 1 .. cardinality(queues) loop
    place := null;
    if places[i] is not null then
      update {schema}.partition p
      set done = p.done + dones[i]::int8multirange,
          watermark = coalesce((select upper(r) from unnest(p.done + dones[i]::int8multirange) as r where lower(r) = 0), 0),
          indexed_to = greatest(p.indexed_to, indexed[i])
      where p.ctid = places[i] and p.queue = queues[i] and p.partition = partition_numbers[i]
        and p.owner = boot and p.epoch = epochs[i]
        and not p.done && dones[i]::int8multirange
      returning p.ctid into place;
    end if;
    if place is null then
      update {schema}.partition p
      set done = p.done + dones[i]::int8multirange,
          watermark = coalesce((select upper(r) from unnest(p.done + dones[i]::int8multirange) as r where lower(r) = 0), 0),
          indexed_to = greatest(p.indexed_to, indexed[i])
      where p.queue = queues[i] and p.partition = partition_numbers[i]
        and p.owner = boot and p.epoch = epochs[i]
        and not p.done && dones[i]::int8multirange
      returning p.ctid into place;
    end if;
    if place is null then
      raise exception 'coatcheck: fenced' using errcode = 'CC004', detail = queues[i] || '/' || partition_numbers[i];
    end if;
    answer := answer || ' ' || place;
  end loop;
  return {schema}.epoch_ms({schema}.clock()) || answer;
end $$;
