-- What the owner starts when it is due, by definition: of definitions that no node has any more there may be any number, and
-- none of it is looked at. Delayed items go into the log, and have an index of their own.
create index waiting_item_due_definition on {schema}.waiting_item (queue, partition, definition collate "C", due_at, id)
  where due_at is not null and not moves;

-- The first generation after a partition's that can take anything: asked once for all that moves from there.
create function {schema}.next_generation(of_queue int, of_partition int, out first int, out partitions int)
language sql stable as $$
  select min(p.partition), count(*)::int
  from {schema}.partition p
  where p.queue = of_queue
  group by p.generation
  -- Numbers rise with the generations. Of one that has an open partition none has gone yet.
  having min(p.partition) > of_partition and bool_or(p.closed_at is null)
  order by p.generation
  limit 1
$$;

-- As `next_partition`, where that generation is known: partitions are counted again only where the one in question is closed.
create function {schema}.partition_after(of_queue int, of_partition int, item_key text, item uuid, next_first int, next_partitions int) returns int
language sql stable as $$
  select coalesce(
    (
      select p.partition
      from {schema}.partition p
      where p.queue = of_queue and p.closed_at is null
        and p.partition = {schema}.partition_of(coalesce(item_key, item::text), next_first, next_partitions)
    ),
    {schema}.next_partition(of_queue, of_partition, item_key, item)
  )
$$;

-- As before; but where its rows and acts go is found once for a call, and acts are moved so many at a time, too.
-- Called by the owner of a partition of an older generation, which has nothing of it in memory, again and again until it
-- answers `drained`: first closes it, then moves its lane on, with ids and places in the order of their keys, at most so many
-- rows in each call. Nothing of the next generation starts before that, so that nobody sees a part of it. `open`: its log has
-- something that is not done; or, while `is_patient`, a transaction may still append to it that was open at the change, by
-- `mark`, a transaction id taken after that. Called after that it moves on what has come late.
-- CC004: the partition is no longer the caller's.
create or replace function {schema}.drain_partition(
  boot uuid, of_queue int, of_partition int, of_epoch bigint, mark text, is_patient boolean, at_most int
) returns text
language plpgsql
set lock_timeout = '6s'
as $$
declare
  own record;
  next record;
  is_clean boolean;
  is_undone boolean;
  moved int;
begin
  -- Whoever sends an ambiguous flush to it again holds it until that has committed.
  select * into own
  from {schema}.partition p
  where p.queue = of_queue and p.partition = of_partition and p.owner = boot and p.epoch = of_epoch
  for update;
  if not found then
    raise exception 'coatcheck: fenced' using errcode = 'CC004', detail = of_queue || '/' || of_partition;
  end if;
  if own.closed_at is null then
    -- One snapshot: where it shows that all of them have ended, it shows all that they appended.
    select pg_snapshot_xmin(pg_current_snapshot()) >= mark::xid8,
      exists (
        select from {schema}.log l
        where l.queue = of_queue and l.partition = of_partition and l.seq >= own.watermark / 4096
          and not own.done @> int8range(l.seq * 4096, (l.seq + 1) * 4096)
      )
    into is_clean, is_undone;
    if is_undone or is_patient and not is_clean then
      return 'open';
    end if;
    update {schema}.partition p
    set closed_at = {schema}.clock(), closed_clean = is_clean
    where p.queue = of_queue and p.partition = of_partition;
    -- What its dead owner may have been running stands in the lanes of the next ones then.
    update {schema}.partition p
    set unclean_at = coalesce(p.unclean_at, own.unclean_at)
    where own.unclean_at is not null and p.queue = of_queue
      and p.generation = (select min(n.generation) from {schema}.partition n where n.queue = of_queue and n.generation > own.generation);
  end if;
  select * into next from {schema}.next_generation(of_queue, of_partition);
  -- Each by the index that has them.
  with part as (
    select u.id
    from (
      (select w.id from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.due_at is not null limit at_most)
      union
      (select w.id from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.position is not null limit at_most)
    ) as u
    limit at_most
  ), gone as (
    update {schema}.waiting_item w
    set partition = {schema}.partition_after(of_queue, of_partition, w.key, w.id, next.first, next.partitions), version = w.version + 1
    from part
    where w.id = part.id
    returning w.id
  )
  select count(*) into moved from gone;
  if moved >= at_most then
    return 'more';
  end if;
  with part as (
    select b.id from {schema}.broken_item b where b.queue = of_queue and b.partition = of_partition limit at_most
  ), gone as (
    update {schema}.broken_item b
    set partition = {schema}.partition_after(of_queue, of_partition, b.key, b.id, next.first, next.partitions), version = b.version + 1
    from part
    where b.id = part.id
    returning b.id
  )
  select count(*) into moved from gone;
  if moved >= at_most then
    return 'more';
  end if;
  -- In the lane of another generation a place is no position of the partition's log.
  update {schema}.suspect_item s
  set partition = w.partition, position = -1
  from {schema}.waiting_item w
  where w.id = s.id and s.queue = of_queue and s.partition = of_partition;
  delete from {schema}.suspect_item s where s.queue = of_queue and s.partition = of_partition;
  with part as (
    select o.id, o.item from {schema}.act o
    where o.queue = of_queue and o.partition = of_partition and o.verdict is null
    limit at_most
  ), gone as (
    update {schema}.act a
    set partition = {schema}.partition_after(of_queue, of_partition, item.key, a.item, next.first, next.partitions)
    from (
      select o.id, coalesce(w.key, b.key, t.key) as key
      from part o
      left join {schema}.waiting_item w on w.id = o.item
      left join {schema}.broken_item b on b.id = o.item
      left join {schema}.tracked_item t on t.id = o.item
    ) as item
    where a.id = item.id and a.verdict is null
    returning a.id
  )
  select count(*) into moved from gone;
  if moved >= at_most then
    return 'more';
  end if;
  if own.drained_at is null then
    update {schema}.partition p
    set drained_at = {schema}.clock()
    where p.queue = of_queue and p.partition = of_partition;
  end if;
  return 'drained';
end $$;

-- As before, and where they go is found once for each partition that has gone.
-- Delayed items of transactions that had seen an old generation and committed after its partitions had gone: 5,000 at once, the
-- others with the next pass.
create or replace function {schema}.adopt_strays() returns int
language sql as $$
  with recursive place as (
    (select w.queue, w.partition from {schema}.waiting_item w where w.due_at is not null order by w.queue, w.partition limit 1)
    union all
    select n.queue, n.partition
    from place
    cross join lateral (
      select w.queue, w.partition
      from {schema}.waiting_item w
      where w.due_at is not null and (w.queue, w.partition) > (place.queue, place.partition)
      order by w.queue, w.partition
      limit 1
    ) as n
  ), stray as (
    select w.id, next.first, next.partitions
    from place
    cross join lateral {schema}.next_generation(place.queue, place.partition) as next
    join {schema}.waiting_item w on w.queue = place.queue and w.partition = place.partition
    where not exists (select from {schema}.partition p where p.queue = place.queue and p.partition = place.partition)
    limit 5000
  ), adopted as (
    update {schema}.waiting_item w
    set partition = coalesce({schema}.partition_after(w.queue, w.partition, w.key, w.id, stray.first, stray.partitions), w.partition), version = w.version + 1
    from stray
    where w.id = stray.id
    returning 1
  )
  select count(*)::int from adopted
$$;
