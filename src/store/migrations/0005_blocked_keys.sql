-- Broken items that block their key (`onBroken: 'block'`): nothing of it starts until a person has decided.

alter table {schema}.broken_item add column blocks boolean not null default false;
-- Whether a key is blocked: checked before a batch is dispatched and whenever the lane is asked for a key. Without the partition,
-- since a key is blocked wherever its items lie.
create index broken_item_block on {schema}.broken_item (queue, scope, key) where blocks;
-- The list of blocked keys, page by page, however many broken items block nothing.
create index broken_item_block_id on {schema}.broken_item (id) where blocks;

alter table {schema}.act drop constraint act_kind_check;
alter table {schema}.act add constraint act_kind_check
  check (kind in ('cancel', 'defer', 'resume', 'requeue', 'edit', 'remove', 'clone', 'skip', 'release'));

-- As before, and a broken item may block its key. What an earlier release sends says nothing of that, and blocks nothing.
create or replace function {schema}.settle(
  boot uuid,
  queues int[], partition_numbers int[], epochs bigint[], dones text[], indexed bigint[],
  merged json, logged json,
  waiting_in json, waiting_changed json, waiting_out json,
  broken_in json, holes_in json, holes_out json
) returns float8
language plpgsql
set lock_timeout = '6s'
as $$
declare
  now_at timestamptz := {schema}.clock();
  missing text;
begin
  if waiting_out is not null then
    with gone as (
      delete from {schema}.waiting_item w
      using json_to_recordset(waiting_out) as r(id uuid, version bigint)
      where w.id = r.id and w.version = r.version
      returning w.id
    )
    select string_agg(r.id::text, ',') into missing
    from json_to_recordset(waiting_out) as r(id uuid)
    where r.id not in (select id from gone);
    if missing is not null then
      raise exception 'coatcheck: a waiting item has changed' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if waiting_changed is not null then
    with changed as (
      update {schema}.waiting_item w
      set state = r.state,
          due_at = now_at + r.delay_ms * interval '1 ms',
          attempts = r.attempts,
          failure = coalesce(r.failure, w.failure),
          started_at = case when r.age_ms is null then w.started_at else now_at - r.age_ms * interval '1 ms' end,
          version = w.version + 1
      from json_to_recordset(waiting_changed) as r(id uuid, version bigint, state text, delay_ms float8, attempts int, failure text, age_ms float8)
      where w.id = r.id and w.version = r.version
      returning w.id
    )
    select string_agg(r.id::text, ',') into missing
    from json_to_recordset(waiting_changed) as r(id uuid)
    where r.id not in (select id from changed);
    if missing is not null then
      raise exception 'coatcheck: a waiting item has changed' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if holes_out is not null then
    with gone as (
      delete from {schema}.hole h
      using json_to_recordset(holes_out) as r(queue int, partition int, seq bigint)
      where h.queue = r.queue and h.partition = r.partition and h.seq = r.seq
      returning h.queue, h.partition, h.seq
    )
    select string_agg(r.queue || '/' || r.partition || '/' || r.seq, ',') into missing
    from json_to_recordset(holes_out) as r(queue int, partition int, seq bigint)
    where not exists (select from gone g where g.queue = r.queue and g.partition = r.partition and g.seq = r.seq);
    if missing is not null then
      raise exception 'coatcheck: a hole has changed' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if holes_in is not null then
    insert into {schema}.hole (queue, partition, seq, xid)
    select r.queue, r.partition, r.seq, r.xid::xid8
    from json_to_recordset(holes_in) as r(queue int, partition int, seq bigint, xid text);
  end if;
  if waiting_in is not null then
    perform {schema}.put_waiting(waiting_in);
  end if;
  if broken_in is not null then
    insert into {schema}.broken_item
      (id, queue, partition, generation, position, definition, scope, key, attempts, entry, enqueued_at, started_at, broken_at, failure, blocks)
    select r.id, r.queue, r.partition, r.generation, r.position, r.definition, r.scope, r.key, r.attempts, r.entry,
      to_timestamp(r.enqueued_ms / 1000), now_at - r.age_ms * interval '1 ms', now_at, r.failure, coalesce(r.blocks, false)
    from json_to_recordset(broken_in) as r(
      id uuid, queue int, partition int, generation int, position bigint, definition text, scope text, key text, attempts int,
      entry text, enqueued_ms float8, age_ms float8, failure text, blocks boolean
    );
  end if;
  if merged is not null then
    insert into {schema}.tracked_item as t
      (id, queue, definition, key, state, attempts, enqueued_at, started_at, ended_at, expires_at, context, input, result, failure, progress, reply, reason)
    select r.id, r.q, r.d, r.k, r.state, r.a, to_timestamp(r.e / 1000),
      case when r.s is not null then now_at - r.s * interval '1 ms' end,
      case when r.x is not null then now_at end,
      now_at + r.x * interval '1 ms',
      r.c::text, r.i::text, coalesce(r.rt, r.r::text), r.f::text, r.p::text, r.reply::text, r.reason
    from json_to_recordset(merged) as r(
      id uuid, q int, d text, k text, state text, a int, e float8, s float8, x float8, c json, i json, r json, rt text, f json, p json, reply json, reason text
    )
    on conflict (id) do update
    set state = excluded.state, attempts = excluded.attempts, started_at = coalesce(excluded.started_at, t.started_at),
        ended_at = excluded.ended_at, expires_at = excluded.expires_at, result = excluded.result,
        failure = coalesce(excluded.failure, t.failure), progress = coalesce(excluded.progress, t.progress), reply = excluded.reply, reason = excluded.reason
    -- What has ended stays ended: an index pass that comes late changes nothing.
    where (t.ended_at is null or excluded.ended_at is not null)
      -- `ready` is what an index pass saw in the log: whatever is there already knows more.
      and excluded.state <> 'ready';
  end if;
  if logged is not null then
    insert into {schema}.item_log (id, at, attempt, event, message, data)
    select r.id, now_at - coalesce(r.age_ms, 0) * interval '1 ms', r.attempt, r.event, r.message, r.data
    from json_to_recordset(logged) as r(id uuid, age_ms float8, attempt int, event text, message text, data text);
  end if;
  -- One partition after the other in the order given (sorted), so that two settles of a node never wait in a circle.
  for i in 1 .. cardinality(queues) loop
    update {schema}.partition p
    set done = p.done + dones[i]::int8multirange,
        watermark = coalesce((select upper(r) from unnest(p.done + dones[i]::int8multirange) as r where lower(r) = 0), 0),
        indexed_to = greatest(p.indexed_to, indexed[i])
    where p.queue = queues[i] and p.partition = partition_numbers[i]
      and p.owner = boot and p.epoch = epochs[i]
      and not p.done && dones[i]::int8multirange;
    if not found then
      raise exception 'coatcheck: fenced' using errcode = 'CC004', detail = queues[i] || '/' || partition_numbers[i];
    end if;
  end loop;
  return {schema}.epoch_ms({schema}.clock());
end $$;

-- Decides acts: called in the statement of the settle that has their effects, before it, so that its fence is the last word.
-- CC003: an act, or a row of a lane, is not there as it was read (its id is the detail).
create or replace function {schema}.decide_acts(decided json, lane json, broken json, tracked json) returns void
language plpgsql
set lock_timeout = '6s'
as $$
declare
  now_at timestamptz := {schema}.clock();
  missing text;
begin
  if decided is not null then
    with done as (
      update {schema}.act a
      set verdict = r.verdict, state = r.state, decided_at = now_at
      from json_to_recordset(decided) as r(id uuid, verdict text, state text)
      where a.id = r.id and a.verdict is null
      returning a.id
    )
    select string_agg(r.id::text, ',') into missing
    from json_to_recordset(decided) as r(id uuid)
    where r.id not in (select id from done);
    if missing is not null then
      raise exception 'coatcheck: an act has been decided' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if lane is not null then
    with changed as (
      update {schema}.waiting_item w
      set state = r.state,
          due_at = case r.due when 'kept' then w.due_at when 'now' then now_at when 'at' then to_timestamp(r.due_ms / 1000) end,
          entry = coalesce(r.entry, w.entry),
          version = w.version + 1
      from json_to_recordset(lane) as r(id uuid, version bigint, state text, due text, due_ms float8, entry text)
      where w.id = r.id and w.version = r.version
      returning w.id
    )
    select string_agg(r.id::text, ',') into missing
    from json_to_recordset(lane) as r(id uuid)
    where r.id not in (select id from changed);
    if missing is not null then
      raise exception 'coatcheck: a waiting item has changed' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if broken is not null then
    -- With an entry the item is edited, with `blocks` its key goes on; with neither it leaves the lane.
    with gone as (
      delete from {schema}.broken_item b
      using json_to_recordset(broken) as r(id uuid, version bigint, entry text, blocks boolean)
      where b.id = r.id and b.version = r.version and r.entry is null and r.blocks is null
      returning b.id
    ), changed as (
      update {schema}.broken_item b
      set entry = coalesce(r.entry, b.entry), blocks = coalesce(r.blocks, b.blocks), version = b.version + 1
      from json_to_recordset(broken) as r(id uuid, version bigint, entry text, blocks boolean)
      where b.id = r.id and b.version = r.version and (r.entry is not null or r.blocks is not null)
      returning b.id
    ), forgiven as (
      -- What was charged to an item ends with it: requeued, it begins anew.
      delete from {schema}.suspect_item s
      using json_to_recordset(broken) as r(id uuid, entry text, blocks boolean)
      where s.id = r.id and r.entry is null and r.blocks is null
    )
    select string_agg(r.id::text, ',') into missing
    from json_to_recordset(broken) as r(id uuid)
    where r.id not in (select id from gone union all select id from changed);
    if missing is not null then
      raise exception 'coatcheck: a broken item has changed' using errcode = 'CC003', detail = missing;
    end if;
  end if;
  if tracked is not null then
    -- Only what is tracked already; the settle after it enters what is not. A requeued item is open again.
    update {schema}.tracked_item t
    set state = coalesce(r.state, t.state),
        input = coalesce(r.input, t.input),
        attempts = case when r.reopened then 0 else t.attempts end,
        ended_at = case when r.reopened then null else t.ended_at end,
        expires_at = case when r.reopened then null else t.expires_at end,
        progress = case when r.reopened then null else t.progress end
    from json_to_recordset(tracked) as r(id uuid, state text, input text, reopened boolean)
    where t.id = r.id and (t.ended_at is null or r.reopened or r.state is null);
  end if;
end $$;
