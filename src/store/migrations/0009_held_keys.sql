-- Accepting under load and after lost answers: unique keys that are busy, what is over found by an index, a bounded count.

-- What is over, for housekeeping: each pass reads only what it deletes.
create index unique_key_expiry on {schema}.unique_key (expires_at);
create index debounce_due on {schema}.debounce (due_at);

-- Makes the keys that are not there, and locks all of them until the transaction ends. Answers how many it made.
create function {schema}.hold_unique_keys(items json) returns bigint
language plpgsql as $$
declare
  made bigint;
begin
  -- Sorted, so that two of these never wait for each other in a circle; of those with one key the first.
  insert into {schema}.unique_key as u (scope, key, id, expires_at, digest)
  select distinct on (r.scope, r.key) r.scope, r.key, r.id, {schema}.clock() + r.kept_ms * interval '1 ms', r.digest
  from rows from (json_to_recordset(items) as (scope text, key text, id uuid, kept_ms float8, digest text))
    with ordinality as r(scope, key, id, kept_ms, digest, at)
  order by r.scope, r.key, r.at
  -- Changes nothing: it locks the row.
  on conflict (scope, key) do update set id = u.id where u.id is null;
  get diagnostics made = row_count;
  return made;
end $$;

-- Appends items with unique keys. A key that is there already makes its item null in the row. The answer holds, for each item,
-- its own id or that of the first one with its key; `{"clash": id}` where the first one has another payload; or, with
-- `leave_busy`, `{"busy": true}` where another transaction holds the key: such an item is null in the row, and was not accepted.
-- Without `leave_busy` a key that is held for a second is an error (55P03). A flush that is in the log already, an ambiguous
-- one sent again, changes nothing, whatever has become of its keys and partitions since: it is answered as the first time.
-- Null: the partitions have changed since the caller read them, and nothing was done.
drop function {schema}.append_unique(json, json, float8);
create function {schema}.append_unique(
  rows json, items json, not_after_ms float8, leave_busy boolean default false, out ids json, out clock float8
)
language plpgsql
set lock_timeout = '1s'
as $$
declare
  made bigint;
  is_busy boolean := false;
  began timestamptz;
  item record;
  -- Scope and key as JSON text.
  busy text[] := '{}';
  is_resent boolean;
begin
  -- Before the generations are looked at, as in `append_rows`.
  perform pg_current_xact_id();
  is_resent := exists (select from {schema}.log l where l.flush in (select w.flush from json_to_recordset(rows) as w(flush uuid)));
  if not is_resent and not {schema}.is_current(
    array(select r.queue from json_to_recordset(rows) as r(queue int)), array(select r.generation from json_to_recordset(rows) as r(generation int))
  ) then
    return;
  end if;
  if not is_resent and not leave_busy then
    made := {schema}.hold_unique_keys(items);
  elsif not is_resent then
    begin
      perform set_config('lock_timeout', '100ms', true);
      made := {schema}.hold_unique_keys(items);
    exception when lock_not_available then
      is_busy := true;
    end;
    if is_busy then
      -- One by one, to find those that are held. A flush of another node holds its keys for some milliseconds; the time for
      -- that is not given any more where very many are held, and in the end they are not even tried.
      began := clock_timestamp();
      perform set_config('lock_timeout', '10ms', true);
      for item in
        select distinct on (r.scope, r.key) r.value, json_build_array(r.scope, r.key)::text as name
        from (
          select e.value, e.value ->> 'scope' as scope, e.value ->> 'key' as key, e.at
          from json_array_elements(items) with ordinality as e(value, at)
        ) as r
        order by r.scope, r.key, r.at
      loop
        begin
          if clock_timestamp() > began + interval '300 ms' then
            perform set_config('lock_timeout', '1ms', true);
          end if;
          if clock_timestamp() > began + interval '1500 ms' then
            busy := busy || item.name;
          else
            perform {schema}.hold_unique_keys(json_build_array(item.value));
          end if;
        exception when lock_not_available then
          busy := busy || item.name;
        end;
      end loop;
      made := 0;
    end if;
  end if;
  -- Again: the first send may have committed while this one waited for its keys.
  is_resent := is_resent or exists (select from {schema}.log l where l.flush in (select w.flush from json_to_recordset(rows) as w(flush uuid)));

  if is_resent then
    with sent as materialized (
      select r.scope, r.key, r.id, r.digest, r.at, l.data::json ->> r.index as entry
      from (
        select given.*, (row_number() over (partition by given.row order by given.at))::int - 1 as index
        from rows from (json_to_recordset(items) as (row int, scope text, key text, id uuid, digest text))
          with ordinality as given(row, scope, key, id, digest, at)
      ) as r
      join rows from (json_to_recordset(rows) as (flush uuid)) with ordinality as w(flush, at) on w.at = r.row
      left join {schema}.log l on l.flush = w.flush
    ), undone as (
      -- Made just now for an item that the first send left out.
      delete from {schema}.unique_key u
      using sent
      where u.scope = sent.scope and u.key = sent.key and u.id = sent.id and sent.entry is null
    )
    select json_agg(
      case
        when sent.entry is not null then to_json(sent.id)
        when u.id is null or u.id = sent.id then json_build_object('busy', true)
        when u.digest <> sent.digest then json_build_object('clash', u.id)
        else to_json(u.id)
      end order by sent.at
    ) into ids
    from sent
    left join {schema}.unique_key u on u.scope = sent.scope and u.key = sent.key;
    clock := {schema}.epoch_ms({schema}.clock());
    return;
  end if;

  if made < json_array_length(items) then
    -- Those whose time is over begin anew.
    update {schema}.unique_key u
    set id = r.id, expires_at = {schema}.clock() + r.kept_ms * interval '1 ms', digest = r.digest
    from (
      select distinct on (given.scope, given.key) given.*
      from rows from (json_to_recordset(items) as (scope text, key text, id uuid, kept_ms float8, digest text))
        with ordinality as given(scope, key, id, kept_ms, digest, at)
      where not json_build_array(given.scope, given.key)::text = any (busy)
      order by given.scope, given.key, given.at
    ) as r
    where u.scope = r.scope and u.key = r.key and u.id <> r.id and u.expires_at < (select {schema}.clock());
  end if;

  select json_agg(
    case
      when json_build_array(r.scope, r.key)::text = any (busy) then json_build_object('busy', true)
      when u.digest <> r.digest then json_build_object('clash', u.id)
      else to_json(u.id)
    end order by r.at
  ) into ids
  from rows from (json_to_recordset(items) as (scope text, key text, digest text)) with ordinality as r(scope, key, digest, at)
  left join {schema}.unique_key u on u.scope = r.scope and u.key = r.key;

  select {schema}.append(
    array_agg(built.queue), array_agg(built.partition), array_agg(null::int), array_agg(built.flush),
    array_agg(built.n), array_agg(built.data), not_after_ms
  ) into clock
  from (
    select w.queue, w.partition, w.flush, count(*)::int as n,
      '[' || string_agg(case when u.id = r.id then r.entry else 'null' end, ',' order by r.at) || ']' as data
    from rows from (json_to_recordset(items) as (row int, scope text, key text, id uuid, entry text)) with ordinality as r(row, scope, key, id, entry, at)
    join rows from (json_to_recordset(rows) as (queue int, partition int, flush uuid)) with ordinality as w(queue, partition, flush, at) on w.at = r.row
    left join {schema}.unique_key u on u.scope = r.scope and u.key = r.key
    group by w.queue, w.partition, w.flush
    having bool_or(u.id = r.id)
  ) as built;
  clock := coalesce(clock, {schema}.epoch_ms({schema}.clock()));
end $$;

-- With the id, so that rows due at the same moment have an order, and counting can go on behind any of them.
create index waiting_item_due_id on {schema}.waiting_item (queue, partition, due_at, id) where due_at is not null;
drop index {schema}.waiting_item_due;

alter table {schema}.backlog
  -- While the rows of the lane that have a time are being counted: how many were, and the last of them.
  add column lane_seen bigint not null default 0,
  add column lane_due timestamptz,
  add column lane_id uuid;

-- As before; but the lane is counted 50,000 rows of a partition at a time, as long as a pass may take, and goes on with the
-- next pass: a lane of millions is counted in a minute or so, and no statement comes near its deadline.
create or replace function {schema}.count_backlog(queues int[]) returns table (queue int, waiting bigint, max_waiting bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  now_at timestamptz := clock_timestamp();
  lane_at_once constant int := 50000;
  counted record;
  known record;
  part record;
  added bigint;
  upto bigint;
  in_log bigint;
begin
  insert into {schema}.backlog (queue, partition)
  select p.queue, p.partition
  from {schema}.partition p
  where p.queue = any (queues)
    and not exists (select from {schema}.backlog k where k.queue = p.queue and k.partition = p.partition)
  on conflict do nothing;
  for counted in
    select k.*, p.done, p.watermark / 4096 as passed
    from {schema}.backlog k
    join {schema}.partition p on p.queue = k.queue and p.partition = k.partition
    where k.queue = any (queues) and k.counted_at < now_at - interval '900 ms'
    -- First those whose lane has not been counted for longest: there may be no time for all.
    order by k.lane_counted_at, k.queue, k.partition
    -- Who finds another one counting has no need to.
    for update of k skip locked
  loop
    known := counted;
    while cardinality(counted.ends) > 0 and counted.ends[1] <= counted.passed loop
      counted.start := counted.ends[1];
      counted.ends := counted.ends[2:];
      counted.items := counted.items[2:];
    end loop;
    if cardinality(counted.ends) = 0 then
      counted.start := greatest(counted.start, counted.passed);
    end if;
    select sum(l.n), max(l.seq) + 1 into added, upto
    from (
      select log.n, log.seq
      from {schema}.log
      where log.queue = counted.queue and log.partition = counted.partition
        and log.seq >= coalesce(counted.ends[cardinality(counted.ends)], counted.start)
      order by log.seq
      -- What is left is counted next time.
      limit 50000
    ) as l;
    if upto is not null then
      counted.ends := counted.ends || upto;
      counted.items := counted.items || added;
    end if;
    -- Half as many, each twice as long: how much is remembered does not grow with what waits.
    if cardinality(counted.ends) > 64 then
      select array_agg(pairs.upto order by pairs.nth), array_agg(pairs.n order by pairs.nth) into counted.ends, counted.items
      from (
        select (s.nth - 1) / 2 as nth, max(s.upto) as upto, sum(s.n)::bigint as n
        from unnest(counted.ends, counted.items) with ordinality as s(upto, n, nth)
        group by 1
      ) as pairs;
    end if;
    select coalesce(sum(s.n * (1 - s.done)), 0)::bigint into in_log
    from (
      select stretch.n, coalesce((
        select sum(least(upper(r), stretch.upto * 4096) - greatest(lower(r), stretch.start * 4096))
        from unnest(counted.done) as r
        where lower(r) < stretch.upto * 4096 and upper(r) > stretch.start * 4096
      ), 0)::numeric / ((stretch.upto - stretch.start) * 4096) as done
      from (
        select u.upto, u.n, lag(u.upto, 1, counted.start) over (order by u.nth) as start
        from unnest(counted.ends, counted.items) with ordinality as u(upto, n, nth)
      ) as stretch
    ) as s;
    if (counted.lane_due is not null or counted.lane_counted_at < now_at - interval '5 s')
      and clock_timestamp() < now_at + interval '1 s'
    then
      with rows_of_it as materialized (
        select w.due_at, w.id
        from {schema}.waiting_item w
        where w.queue = counted.queue and w.partition = counted.partition and w.due_at is not null
          and (w.due_at, w.id) > (coalesce(counted.lane_due, '-infinity'), coalesce(counted.lane_id, '00000000-0000-0000-0000-000000000000'))
        order by w.due_at, w.id
        limit lane_at_once
      )
      select n.n, last.due_at, last.id into part
      from (select count(*) as n from rows_of_it) as n
      left join lateral (select * from rows_of_it order by due_at desc, id desc limit 1) as last on true;
      if part.n = lane_at_once then
        counted.lane_seen := counted.lane_seen + part.n;
        counted.lane_due := part.due_at;
        counted.lane_id := part.id;
        -- More than at the end of the last count is known already.
        counted.in_lane := greatest(counted.in_lane, counted.lane_seen);
      else
        counted.in_lane := counted.lane_seen + part.n + (
          select count(*)
          from (
            select from {schema}.waiting_item w
            where w.queue = counted.queue and w.partition = counted.partition and w.position is not null and w.due_at is null
            limit 2 * lane_at_once
          ) as w
        );
        counted.lane_seen := 0;
        counted.lane_due := null;
        counted.lane_id := null;
        counted.lane_counted_at := now_at;
      end if;
    end if;
    update {schema}.backlog k
    set waiting = in_log + counted.in_lane, in_lane = counted.in_lane, counted_at = now_at, lane_counted_at = counted.lane_counted_at,
        lane_seen = counted.lane_seen, lane_due = counted.lane_due, lane_id = counted.lane_id,
        start = counted.start, ends = counted.ends, items = counted.items
    where k.queue = counted.queue and k.partition = counted.partition
      -- Where nothing has changed nothing is written; but that the lane was counted, where that is work.
      and (
        (k.waiting, k.start, k.ends) is distinct from (in_log + counted.in_lane, counted.start, counted.ends)
        or (known.lane_seen, known.lane_due, known.lane_id) is distinct from (counted.lane_seen, counted.lane_due, counted.lane_id)
        or counted.in_lane > 0 and k.lane_counted_at <> counted.lane_counted_at
      );
  end loop;
  return query
  select q.number, coalesce(sum(k.waiting), 0)::bigint, q.max_waiting
  from {schema}.queue q
  left join {schema}.backlog k on k.queue = q.number
  where q.number = any (queues)
  group by q.number;
end $$;
