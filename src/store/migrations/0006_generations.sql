-- Generations: the number of a queue's partitions is changed while it is at work (rule 11).

alter table {schema}.partition
  -- An older generation's partition: all that its log shows is done, nothing starts from its lane, and rows for that go to the
  -- partition that comes after it.
  add column closed_at timestamptz,
  -- Whether by then every transaction had ended that may have appended to it before the change.
  add column closed_clean boolean not null default false,
  -- Its lane has gone to the next generation. Where all of a generation are drained the next one is dispatched.
  add column drained_at timestamptz;

-- For the owner that moves them on.
create index broken_item_partition on {schema}.broken_item (queue, partition);

-- Gives a queue another number of partitions: new ones, under numbers that were never used. What is appended from then on goes
-- to them; they are dispatched when the old ones are drained. No row where there is no such queue.
-- CC020: there are not so many numbers left.
create function {schema}.repartition(queue_name text, partition_count int)
returns table (number int, generation int, first_partition int, partitions int, changed boolean)
language plpgsql as $$
#variable_conflict use_column
declare
  q record;
  next_partition int;
begin
  if partition_count not between 1 and 4096 then
    raise exception 'coatcheck: % partitions', partition_count using errcode = 'CC020', hint = 'A queue has 1 to 4096.';
  end if;
  -- One change after the other.
  select * into q from {schema}.queue where queue.name = queue_name for no key update;
  if not found then
    return;
  end if;
  if q.partitions = partition_count then
    return query select q.number, q.generation, q.first_partition, q.partitions, false;
    return;
  end if;
  next_partition := q.first_partition + q.partitions;
  if next_partition + partition_count > 4096 then
    raise exception 'coatcheck: the queue "%" has % of its 4096 partition numbers left, not %', queue_name, 4096 - next_partition, partition_count
      using errcode = 'CC020', detail = 4096 - next_partition, hint = 'A number is never used again. Take fewer, or a new queue.';
  end if;
  for p in next_partition .. next_partition + partition_count - 1 loop
    -- CACHE 1: a cached range handed out late would look like a hole for as long as its session lives.
    execute format('create sequence {schema}.%I as bigint minvalue 0 start 0 cache 1', 'log_seq_' || q.number || '_' || p);
    insert into {schema}.partition (queue, partition, generation) values (q.number, p, q.generation + 1);
  end loop;
  update {schema}.queue
  set generation = q.generation + 1, first_partition = next_partition, partitions = partition_count
  where queue.number = q.number;
  return query select q.number, q.generation + 1, next_partition, partition_count, true;
end $$;

-- Whether these are the generations of the queues. A null one is not looked at.
create function {schema}.is_current(queues int[], generations int[]) returns boolean
language sql volatile as $$
  select not exists (
    select from unnest(queues, generations) as given(queue, generation)
    where given.generation is not null
      and not exists (select from {schema}.queue q where q.number = given.queue and q.generation = given.generation)
  )
$$;

-- Appends rows, each durable with the caller's commit. A row whose flush is there already is left alone: that is an ambiguous
-- flush sent again. Answers the database's time in milliseconds; or null where the partitions of a queue have changed since
-- the caller read them: then nothing was appended, and of a flush sent again nothing ever will be.
-- A null generation is not looked at: the partition's owner appends, in its settle. CC002: too late to send again.
create function {schema}.append_rows(
  queues int[], partition_numbers int[], generations int[], flushes uuid[], counts int[], texts text[], not_after_ms float8, again boolean
) returns float8
language plpgsql as $$
declare
  now_at timestamptz := {schema}.clock();
  old record;
begin
  if not_after_ms is not null and {schema}.epoch_ms(now_at) > not_after_ms then
    raise exception 'coatcheck: the append came too late to be sent again' using errcode = 'CC002';
  end if;
  -- Before any nextval: a reader that sees the seq missing then knows by its own, later transaction id when the hole is dead.
  -- And before the generation is looked at: an owner that has seen the change knows by its own when no append of the old one is left.
  perform pg_current_xact_id();
  if not {schema}.is_current(queues, generations) then
    if not again then
      return null;
    end if;
    -- The first one may have gone to the old partitions, or may do so yet. They are not closed as long as these locks are held.
    perform 1
    from {schema}.partition p
    join (select distinct g.queue, g.partition from unnest(queues, partition_numbers) as g(queue, partition)) as g using (queue, partition)
    order by p.queue, p.partition
    for share of p;
    if exists (select from {schema}.log l where l.flush = any (flushes)) then
      return {schema}.epoch_ms(now_at);
    end if;
    select count(*) filter (where p.closed_at is not null) as closed,
      count(*) filter (where p.queue is null or p.closed_at is not null and not p.closed_clean) as unknown
    into old
    from unnest(queues, partition_numbers) as g(queue, partition)
    left join {schema}.partition p using (queue, partition);
    if old.unknown > 0 then
      raise exception 'coatcheck: the append came too late to be sent again' using errcode = 'CC002';
    end if;
    -- Whatever the first one did was there to be seen when they were closed.
    if old.closed > 0 then
      return null;
    end if;
  end if;
  insert into {schema}.log (queue, partition, seq, flush, n, at, data)
  select r.queue, r.partition, nextval(format('{schema}.%I', 'log_seq_' || r.queue || '_' || r.partition)::regclass), r.flush, r.n, now_at, r.data
  from unnest(queues, partition_numbers, flushes, counts, texts) as r(queue, partition, flush, n, data)
  on conflict (flush) do nothing;
  return {schema}.epoch_ms(now_at);
end $$;

-- As `append_rows`, for who has to fail as a whole. CC001: the partitions changed since the caller read them.
create or replace function {schema}.append(
  queues int[], partition_numbers int[], generations int[], flushes uuid[], counts int[], texts text[], not_after_ms float8 default null
) returns float8
language plpgsql as $$
declare
  appended_ms float8 := {schema}.append_rows(queues, partition_numbers, generations, flushes, counts, texts, not_after_ms, false);
begin
  if appended_ms is null then
    raise exception 'coatcheck: the partitions of a queue have changed' using errcode = 'CC001';
  end if;
  return appended_ms;
end $$;

-- Enqueues one item, durable with the caller's commit, and answers its id.
create or replace function {schema}.enqueue(
  processor text, payload text, key text default null, delay interval default null, at timestamptz default null
) returns uuid
language plpgsql as $$
declare
  target record;
  place record;
  target_partition int;
  row_id uuid;
  entry text;
  due timestamptz;
  why text;
  why_detail text;
begin
  select d.id, d.keyed, d.max_payload, q.number into target
  from {schema}.definition d join {schema}.queue q on q.number = d.queue
  where d.id = processor;
  if not found then
    raise exception 'coatcheck: there is no queue processor "%"', left(processor, 80)
      using errcode = 'CC010', hint = 'Names are those of the definitions of the nodes that have been started, with service: before that of a service: select id from {schema}.definition.';
  end if;
  -- As last counted: nobody updates a row for each item.
  if (select coalesce(sum(k.waiting), 0) >= max(q.max_waiting) from {schema}.queue q left join {schema}.backlog k on k.queue = q.number where q.number = target.number) then
    raise exception 'coatcheck: the queue of "%" holds as many waiting items as it may', processor
      using errcode = 'CC014', hint = 'Try again in some seconds; or raise max_waiting of the queue.';
  end if;
  if payload is null then
    raise exception 'coatcheck: the payload for "%" is null', processor using errcode = 'CC011', hint = 'Give JSON as text, such as ''{"id":1}''.';
  end if;
  if octet_length(payload) > target.max_payload then
    raise exception 'coatcheck: the payload for "%" has % bytes; the limit is %', processor, octet_length(payload), target.max_payload
      using errcode = 'CC011', hint = 'Keep the payload small and let the handler read the record, or raise maxPayload of the definition.';
  end if;
  if {schema}.is_too_deep(payload) then
    raise exception 'coatcheck: the payload for "%" is nested over 512 levels deep', processor using errcode = 'CC011', hint = 'Flatten it, or hand it over as text.';
  end if;
  if target.keyed and key is null then
    raise exception 'coatcheck: the key for "%" is null, but its definition has a key', processor using errcode = 'CC012', hint = 'Give the key as the third argument.';
  end if;
  if key is not null and octet_length(key) not between 1 and 1024 then
    raise exception 'coatcheck: the key for "%" has % bytes; it must have 1 to 1024', processor, octet_length(key)
      using errcode = 'CC012', hint = 'A key names a business object; hash a longer one.';
  end if;
  if delay is not null and at is not null then
    raise exception 'coatcheck: both delay and at are given' using errcode = 'CC013', hint = 'Give one of them.';
  end if;
  -- Others that look the item up have no date for an infinite one.
  if at not between '0001-01-01' and '9999-12-31' or delay > interval '36500 days' then
    raise exception 'coatcheck: % is too far away', coalesce('at ' || at, 'the delay ' || delay)
      using errcode = 'CC013', hint = 'at lies in the years 1 to 9999, delay is at most 36500 days.';
  end if;
  begin
    -- As jsonb it is checked whole: NUL characters and lone surrogates too, which no handler could store again. Its text has
    -- no escaped letters in it.
    if payload ~ '"__proto__"\s*:' or (position('\u' in payload) > 0 and payload::jsonb::text ~ '"__proto__":') then
      why := 'it has a member "__proto__"';
    end if;
    perform payload::jsonb;
    entry := '{"d":' || to_json(processor) || case when key is null then '' else ',"k":' || to_json(key) end || ',"i":' || payload::json || '}';
  exception when data_exception or statement_too_complex or program_limit_exceeded then
    get stacked diagnostics why = message_text, why_detail = pg_exception_detail;
    why := concat_ws(': ', why, nullif(why_detail, ''));
  end;
  -- Not in the handler of the exception: PGlite has room for five errors that were raised in one.
  if why is not null then
    raise exception 'coatcheck: the payload for "%" cannot be stored as JSON (%): %', processor, why, left(payload, 60)
      using errcode = 'CC011', hint = 'Give JSON without NUL characters, lone surrogates and members "__proto__".';
  end if;
  due := coalesce(at, {schema}.clock() + delay);
  -- Once more where the partitions change between the two statements.
  for attempt in 1 .. 10 loop
    select q.generation, q.first_partition, q.partitions into place from {schema}.queue q where q.number = target.number;
    if key is null then
      target_partition := place.first_partition + floor(random() * place.partitions)::int;
    else
      target_partition := {schema}.partition_of(key, place.first_partition, place.partitions);
    end if;
    row_id := {schema}.create_row_id(target.number, target_partition);
    if due is not null then
      insert into {schema}.waiting_item (id, queue, partition, definition, scope, key, state, moves, due_at, entry, enqueued_at)
      values (row_id, target.number, target_partition, processor, processor, key, 'scheduled', true, due, entry, {schema}.clock());
      return row_id;
    end if;
    if {schema}.append_rows(
      array[target.number], array[target_partition], array[place.generation], array[row_id], array[1], array['[' || entry || ']'], null, false
    ) is not null then
      return row_id;
    end if;
  end loop;
  raise exception 'coatcheck: the partitions of the queue have changed' using errcode = 'CC001';
end $$;

-- Where an item goes that a partition of an older generation cannot take any more: by its key, else by its id, into the first
-- generation after it whose partition can. All that is the item's goes the same way.
create function {schema}.next_partition(of_queue int, of_partition int, item_key text, item uuid) returns int
language sql stable as $$
  select t.partition
  from (
    select p.generation, min(p.partition) as first, count(*)::int as partitions
    from {schema}.partition p
    where p.queue = of_queue
    group by p.generation
    -- Numbers rise with the generations.
    having min(p.partition) > of_partition
  ) as g
  join {schema}.partition t
    on t.queue = of_queue and t.partition = {schema}.partition_of(coalesce(item_key, item::text), g.first, g.partitions)
  where t.closed_at is null
  order by g.generation
  limit 1
$$;

-- The partition that an item of this one belongs to at present.
create function {schema}.present_partition(of_queue int, of_partition int, item_key text, item uuid) returns int
language sql stable as $$
  select case
    when exists (select from {schema}.partition p where p.queue = of_queue and p.partition = of_partition and p.closed_at is null) then of_partition
    else coalesce({schema}.next_partition(of_queue, of_partition, item_key, item), of_partition)
  end
$$;

-- Puts items into the waiting lane: delayed ones by whoever accepts them, others by the partition's owner in its settle. What
-- comes for a partition that is closed goes on to the next one, whose owner starts it when it sees it.
create or replace function {schema}.put_waiting(items json) returns void
language sql as $$
  insert into {schema}.waiting_item
    (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, attempts, entry, enqueued_at, started_at, failure)
  select
    r.id, r.queue, r.present, r.generation, r.position, r.definition, r.scope, r.key,
    case when r.present <> r.partition and r.state in ('ready', 'held') then 'scheduled' else r.state end,
    r.moves,
    case
      when r.due_ms is not null then to_timestamp(r.due_ms / 1000)
      when r.delay_ms is not null then {schema}.clock() + r.delay_ms * interval '1 ms'
      when r.present <> r.partition and r.state in ('ready', 'held') then {schema}.clock()
    end,
    coalesce(r.attempts, 0), r.entry,
    case when r.enqueued_ms is not null then to_timestamp(r.enqueued_ms / 1000) else {schema}.clock() end,
    case when r.age_ms is not null then {schema}.clock() - r.age_ms * interval '1 ms' end,
    r.failure
  from (
    select g.*, {schema}.present_partition(g.queue, g.partition, g.key, g.id) as present
    from json_to_recordset(items) as g(
      id uuid, queue int, partition int, generation int, position bigint, definition text, scope text, key text, state text, moves boolean,
      due_ms float8, delay_ms float8, attempts int, entry text, enqueued_ms float8, age_ms float8, failure text
    )
  ) as r
  on conflict (id) do nothing
$$;

-- Called by the owner of a partition of an older generation, which has nothing of it in memory, again and again until it
-- answers `drained`: first closes it, then moves its lane on, with ids and places in the order of their keys, at most so many
-- rows in each call. Nothing of the next generation starts before that, so that nobody sees a part of it. `open`: its log has
-- something that is not done; or, while `is_patient`, a transaction may still append to it that was open at the change, by
-- `mark`, a transaction id taken after that. Called after that it moves on what has come late.
-- CC004: the partition is no longer the caller's.
create function {schema}.drain_partition(
  boot uuid, of_queue int, of_partition int, of_epoch bigint, mark text, is_patient boolean, at_most int
) returns text
language plpgsql
set lock_timeout = '6s'
as $$
declare
  own record;
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
  -- Each by the index that has them.
  with part as (
    (select w.id from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.due_at is not null limit at_most)
    union
    (select w.id from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.position is not null limit at_most)
  ), gone as (
    update {schema}.waiting_item w
    set partition = {schema}.next_partition(of_queue, of_partition, w.key, w.id), version = w.version + 1
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
    set partition = {schema}.next_partition(of_queue, of_partition, b.key, b.id), version = b.version + 1
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
  update {schema}.act a
  set partition = {schema}.next_partition(of_queue, of_partition, item.key, a.item)
  from (
    select o.id, coalesce(w.key, b.key, t.key) as key
    from {schema}.act o
    left join {schema}.waiting_item w on w.id = o.item
    left join {schema}.broken_item b on b.id = o.item
    left join {schema}.tracked_item t on t.id = o.item
    where o.queue = of_queue and o.partition = of_partition and o.verdict is null
  ) as item
  where a.id = item.id and a.verdict is null;
  if own.drained_at is null then
    update {schema}.partition p
    set drained_at = {schema}.clock()
    where p.queue = of_queue and p.partition = of_partition;
  end if;
  return 'drained';
end $$;

-- Called by the owner of a drained partition now and then: takes its sequence away, which waits for all who took numbers of it,
-- and, when there is nothing more of it, the partition. Answers whether it has gone. Two minutes after it was drained at the
-- earliest: no flush is sent again so late.
-- 55P03: an open transaction has taken a number. CC004: the partition is no longer the caller's.
create function {schema}.end_partition(boot uuid, of_queue int, of_partition int, of_epoch bigint) returns boolean
language plpgsql
set lock_timeout = '50ms'
as $$
declare
  own record;
begin
  select * into own
  from {schema}.partition p
  where p.queue = of_queue and p.partition = of_partition and p.owner = boot and p.epoch = of_epoch
  for update;
  if not found then
    raise exception 'coatcheck: fenced' using errcode = 'CC004', detail = of_queue || '/' || of_partition;
  end if;
  if own.drained_at is null or own.drained_at > {schema}.clock() - interval '2 minutes'
    -- The partitions of a generation are counted as long as something may be moved into it.
    or exists (select from {schema}.partition p where p.queue = of_queue and p.generation = own.generation and p.drained_at is null)
  then
    return false;
  end if;
  execute format('drop sequence if exists {schema}.%I', 'log_seq_' || of_queue || '_' || of_partition);
  if exists (select from {schema}.log l where l.queue = of_queue and l.partition = of_partition)
    or exists (select from {schema}.hole h where h.queue = of_queue and h.partition = of_partition)
    or exists (select from {schema}.act a where a.queue = of_queue and a.partition = of_partition and a.verdict is null)
    or exists (select from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.due_at is not null)
    or exists (select from {schema}.waiting_item w where w.queue = of_queue and w.partition = of_partition and w.position is not null)
  then
    return false;
  end if;
  delete from {schema}.backlog k where k.queue = of_queue and k.partition = of_partition;
  delete from {schema}.partition p where p.queue = of_queue and p.partition = of_partition;
  return true;
end $$;

-- Delayed items of transactions that had seen an old generation and committed after its partitions had gone: 5,000 at once, the
-- others with the next pass.
create function {schema}.adopt_strays() returns int
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
    select w.id
    from place
    join {schema}.waiting_item w on w.queue = place.queue and w.partition = place.partition
    where not exists (select from {schema}.partition p where p.queue = place.queue and p.partition = place.partition)
    limit 5000
  ), adopted as (
    update {schema}.waiting_item w
    set partition = {schema}.present_partition(w.queue, w.partition, w.key, w.id), version = w.version + 1
    from stray
    where w.id = stray.id
    returning 1
  )
  select count(*)::int from adopted
$$;
