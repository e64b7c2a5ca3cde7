-- The road: queues and their partitions, the log, the waiting and the broken lane, tracked items, nodes.
-- `{schema}` stands for the schema's name. Positions are seq * 4096 + index in the row.

-- The only clock for leases, due times and ticks. Tests replace it.
create function {schema}.clock() returns timestamptz
language sql volatile as $$ select clock_timestamp() $$;

create function {schema}.epoch_ms(at timestamptz) returns float8
language sql immutable as $$ select extract(epoch from at)::float8 * 1000 $$;

create table {schema}.queue (
  number int primary key check (number between 1 and 16383),
  name text not null unique,
  generation int not null default 1,
  -- Partition numbers of the generation: first_partition … first_partition + partitions - 1. Never used again.
  first_partition int not null default 0,
  partitions int not null check (partitions between 1 and 4096)
);

create table {schema}.definition (
  id text primary key,
  application text not null,
  queue int not null references {schema}.queue,
  keyed boolean not null,
  max_payload int not null
);

create table {schema}.node (
  boot_id uuid primary key,
  name text not null,
  types text[] not null,
  version text not null,
  -- Queues that the node has a handler for; it owns partitions of these only.
  queues int[] not null,
  started_at timestamptz not null,
  lease_until timestamptz not null
) with (fillfactor = 50);

-- Epochs rise over all partitions, so that one is a fencing token wherever it is shown.
create sequence {schema}.epoch;

create table {schema}.partition (
  queue int not null references {schema}.queue,
  partition int not null check (partition between 0 and 4095),
  generation int not null,
  owner uuid,
  epoch bigint not null default 0,
  watermark bigint not null default 0,
  -- Always contains [0, watermark).
  done int8multirange not null default '{}',
  indexed_to bigint not null default 0,
  primary key (queue, partition)
) with (fillfactor = 50);

create table {schema}.log (
  queue int not null,
  partition int not null,
  seq bigint not null,
  flush uuid not null,
  n int not null check (n between 1 and 4096),
  at timestamptz not null,
  data text not null,
  primary key (queue, partition, seq)
);
-- An id leads to its row through it; and an ambiguous flush sent again meets itself here.
create unique index log_flush on {schema}.log (flush);
-- Payloads are read whole and written once; compressing them costs more than it saves (measured).
alter table {schema}.log alter column data set storage external;

create table {schema}.waiting_item (
  id uuid primary key,
  queue int not null,
  partition int not null,
  -- The item's place in the order of its key: (generation, position). Null for delayed items, which hold nobody.
  generation int,
  position bigint,
  definition text not null,
  scope text not null,
  key text,
  state text not null check (state in ('ready', 'scheduled', 'held', 'deferred')),
  -- Delayed items are moved into the log when due; all others are executed from here by the partition's owner.
  moves boolean not null,
  due_at timestamptz,
  attempts int not null default 0,
  version bigint not null default 1,
  entry text not null,
  enqueued_at timestamptz not null,
  started_at timestamptz,
  failure text
) with (fillfactor = 80);
-- What is due, by its owner.
create index waiting_item_due on {schema}.waiting_item (queue, partition, due_at) where due_at is not null;
-- Who waits for a key, in order: checked before a batch is dispatched.
create index waiting_item_key on {schema}.waiting_item (queue, partition, scope, key, generation, position) where position is not null;

create table {schema}.broken_item (
  id uuid primary key,
  queue int not null,
  partition int not null,
  generation int not null,
  position bigint not null,
  definition text not null,
  scope text not null,
  key text,
  attempts int not null,
  version bigint not null default 1,
  entry text not null,
  enqueued_at timestamptz not null,
  started_at timestamptz,
  broken_at timestamptz not null,
  failure text not null
);

create table {schema}.tracked_item (
  id uuid primary key,
  queue int not null,
  definition text not null,
  key text,
  state text not null,
  attempts int not null,
  enqueued_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  expires_at timestamptz,
  context text,
  input text,
  result text,
  failure text,
  progress text,
  -- Status and headers that a service chose for its answer.
  reply text,
  reason text
);
-- Retention reads by time in small steps; a BRIN costs the inserts next to nothing.
create index tracked_item_expiry on {schema}.tracked_item using brin (expires_at);

create table {schema}.item_log (
  id uuid not null,
  at timestamptz not null,
  attempt int not null,
  event text not null,
  message text not null,
  data text
);
create index item_log_id on {schema}.item_log (id, at);

-- Positions that were missing for longer than a second while others ran on (rule 2).
create table {schema}.hole (
  queue int not null,
  partition int not null,
  seq bigint not null,
  xid xid8 not null,
  primary key (queue, partition, seq)
);

create table {schema}.unique_key (
  scope text not null,
  key text not null,
  id uuid not null,
  expires_at timestamptz not null,
  primary key (scope, key)
);

-- Makes the queue if it is not there, with its partitions and their sequences. Answers its number.
create function {schema}.declare_queue(queue_name text, partition_count int) returns int
language plpgsql as $$
declare
  found_number int;
begin
  select number into found_number from {schema}.queue where name = queue_name;
  if found_number is not null then
    return found_number;
  end if;
  -- Nodes start together: one makes it, the others wait and find it.
  perform pg_advisory_xact_lock(hashtext('{schema}.declare_queue'));
  select number into found_number from {schema}.queue where name = queue_name;
  if found_number is not null then
    return found_number;
  end if;
  select coalesce(max(number), 0) + 1 into found_number from {schema}.queue;
  insert into {schema}.queue (number, name, partitions) values (found_number, queue_name, partition_count);
  for p in 0 .. partition_count - 1 loop
    -- CACHE 1: a cached range handed out late would look like a hole for as long as its session lives.
    execute format('create sequence {schema}.%I as bigint minvalue 0 start 0 cache 1', 'log_seq_' || found_number || '_' || p);
    insert into {schema}.partition (queue, partition, generation) values (found_number, p, 1);
  end loop;
  return found_number;
end $$;

-- The partition of a key: the first four bytes of its sha256, modulo the partitions. The same as in code.
create function {schema}.partition_of(key text, first_partition int, partitions int) returns int
language sql immutable as $$
  select first_partition + ((
    (get_byte(h, 0)::bigint << 24) | (get_byte(h, 1) << 16) | (get_byte(h, 2) << 8) | get_byte(h, 3)
  ) % partitions)::int
  from (select sha256(convert_to(key, 'UTF8')) as h) as hashed
$$;

-- Appends rows, each durable with the caller's commit. A row whose flush is there already is left alone: that is an
-- ambiguous flush sent again. Answers the database's time in milliseconds.
-- CC001: the partitions changed since the caller read them. CC002: too late to send again.
create function {schema}.append(
  queues int[], partition_numbers int[], generations int[], flushes uuid[], counts int[], texts text[], not_after_ms float8 default null
) returns float8
language plpgsql as $$
declare
  now_at timestamptz := {schema}.clock();
begin
  if not_after_ms is not null and {schema}.epoch_ms(now_at) > not_after_ms then
    raise exception 'coatcheck: the append came too late to be sent again' using errcode = 'CC002';
  end if;
  if exists (
    select from unnest(queues, generations) as given(queue, generation)
    where not exists (select from {schema}.queue q where q.number = given.queue and q.generation = given.generation)
  ) then
    raise exception 'coatcheck: the partitions of a queue have changed' using errcode = 'CC001';
  end if;
  -- Before any nextval: a reader that sees the seq missing then knows by its own, later transaction id when the hole is dead.
  perform pg_current_xact_id();
  insert into {schema}.log (queue, partition, seq, flush, n, at, data)
  select r.queue, r.partition, nextval(format('{schema}.%I', 'log_seq_' || r.queue || '_' || r.partition)::regclass), r.flush, r.n, now_at, r.data
  from unnest(queues, partition_numbers, flushes, counts, texts) as r(queue, partition, flush, n, data)
  on conflict (flush) do nothing;
  return {schema}.epoch_ms(now_at);
end $$;

-- A row id as code makes it: UUIDv8 of milliseconds, partition, queue number and 36 random bits, index 0.
create function {schema}.create_row_id(queue int, partition int) returns uuid
language sql volatile as $$
  select (
    lpad(to_hex({schema}.epoch_ms({schema}.clock())::bigint), 12, '0')
    || '8' || lpad(to_hex(partition), 3, '0')
    || to_hex(32768 + queue)
    || substr(replace(gen_random_uuid()::text, '-', ''), 1, 9) || '000'
  )::uuid
$$;

-- Whether JSON text nests over 512 levels deep. Counted before it is parsed: the parser of PGlite has no such limit, and with
-- ten thousand levels it takes the whole database down.
create function {schema}.is_too_deep(payload text) returns boolean
language plpgsql immutable as $$
begin
  -- As good as always there are not even that many brackets.
  if octet_length(payload) <= 1024 or length(payload) - length(translate(payload, '[{', '')) <= 512 then
    return false;
  end if;
  return coalesce((
    select max(depth) > 512
    from (
      select sum(case when bracket in ('[', '{') then 1 else -1 end) over (order by nth) as depth
      from unnest(string_to_array(
        regexp_replace(regexp_replace(payload, '"([^"\\]|\\.)*"', '', 'g'), '[^][{}]', '', 'g'), null
      )) with ordinality as b(bracket, nth)
    ) as depths
  ), false);
end $$;

-- Enqueues one item, durable with the caller's commit, and answers its id.
create function {schema}.enqueue(
  processor text, payload text, key text default null, delay interval default null, at timestamptz default null
) returns uuid
language plpgsql as $$
declare
  target record;
  target_partition int;
  row_id uuid;
  entry text;
  due timestamptz;
  why text;
  why_detail text;
begin
  select d.id, d.keyed, d.max_payload, q.number, q.generation, q.first_partition, q.partitions into target
  from {schema}.definition d join {schema}.queue q on q.number = d.queue
  where d.id = processor;
  if not found then
    raise exception 'coatcheck: there is no queue processor "%"', left(processor, 80)
      using errcode = 'CC010', hint = 'Names are those of the definitions of the nodes that have been started, with service: before that of a service: select id from {schema}.definition.';
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
  if key is null then
    target_partition := target.first_partition + floor(random() * target.partitions)::int;
  else
    target_partition := {schema}.partition_of(key, target.first_partition, target.partitions);
  end if;
  row_id := {schema}.create_row_id(target.number, target_partition);
  due := coalesce(at, {schema}.clock() + delay);
  if due is not null then
    insert into {schema}.waiting_item (id, queue, partition, definition, scope, key, state, moves, due_at, entry, enqueued_at)
    values (row_id, target.number, target_partition, processor, processor, key, 'scheduled', true, due, entry, {schema}.clock());
  else
    perform {schema}.append(array[target.number], array[target_partition], array[target.generation], array[row_id], array[1], array['[' || entry || ']']);
  end if;
  return row_id;
end $$;

create function {schema}.enqueue(
  processor text, payload json, key text default null, delay interval default null, at timestamptz default null
) returns uuid
language sql as $$ select {schema}.enqueue(processor, payload::text, key, delay, at) $$;

create function {schema}.enqueue(
  processor text, payload jsonb, key text default null, delay interval default null, at timestamptz default null
) returns uuid
language sql as $$ select {schema}.enqueue(processor, payload::text, key, delay, at) $$;

-- Puts items into the waiting lane: delayed ones by whoever accepts them, others by the partition's owner in its settle.
create function {schema}.put_waiting(items json) returns void
language sql as $$
  insert into {schema}.waiting_item
    (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, attempts, entry, enqueued_at, started_at, failure)
  select
    r.id, r.queue, r.partition, r.generation, r.position, r.definition, r.scope, r.key, r.state, r.moves,
    case when r.due_ms is not null then to_timestamp(r.due_ms / 1000) when r.delay_ms is not null then {schema}.clock() + r.delay_ms * interval '1 ms' end,
    coalesce(r.attempts, 0), r.entry,
    case when r.enqueued_ms is not null then to_timestamp(r.enqueued_ms / 1000) else {schema}.clock() end,
    case when r.age_ms is not null then {schema}.clock() - r.age_ms * interval '1 ms' end,
    r.failure
  from json_to_recordset(items) as r(
    id uuid, queue int, partition int, generation int, position bigint, definition text, scope text, key text, state text, moves boolean,
    due_ms float8, delay_ms float8, attempts int, entry text, enqueued_ms float8, age_ms float8, failure text
  )
  on conflict (id) do nothing
$$;

-- Enters items of one definition whose first run has succeeded and that no index pass has met: nothing can be there yet, so
-- nothing is looked for. Called in the statement of their settle. What is the same for all is given once, the rest as arrays:
-- taking JSON apart costs as much again as inserting (measured). Inputs and results are a line each: JSON as we write it has no
-- line breaks, and nothing need be quoted; an empty line is no result. `keys` and `contexts` are null where no item has one.
create function {schema}.track(
  queue int, definition text, kept_ms float8, ids uuid[], enqueued_ms float8[], ages_ms float8[],
  keys text[], contexts text[], inputs text, results text
) returns void
language plpgsql as $$
declare
  now_at timestamptz := {schema}.clock();
begin
  insert into {schema}.tracked_item
    (id, queue, definition, key, state, attempts, enqueued_at, started_at, ended_at, expires_at, context, input, result)
  select r.id, track.queue, track.definition, r.key, 'succeeded', 1, to_timestamp(r.enqueued_ms / 1000),
    now_at - r.age_ms * interval '1 ms', now_at, now_at + kept_ms * interval '1 ms', r.context, r.input, r.result
  from unnest(
    ids, keys, enqueued_ms, ages_ms, contexts,
    string_to_array(inputs, E'\n'), string_to_array(results, E'\n', '')
  ) as r(id, key, enqueued_ms, age_ms, context, input, result);
end $$;

-- The one settle: everything that a batch of finished attempts changes, and last the fence. All of it happens, or none.
-- CC003: a row of a lane is not there in the version that was read (its id is the detail).
-- CC004: a partition is no longer ours, or something of `dones` is done already (the detail says queue/partition).
create function {schema}.settle(
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
      (id, queue, partition, generation, position, definition, scope, key, attempts, entry, enqueued_at, started_at, broken_at, failure)
    select r.id, r.queue, r.partition, r.generation, r.position, r.definition, r.scope, r.key, r.attempts, r.entry,
      to_timestamp(r.enqueued_ms / 1000), now_at - r.age_ms * interval '1 ms', now_at, r.failure
    from json_to_recordset(broken_in) as r(
      id uuid, queue int, partition int, generation int, position bigint, definition text, scope text, key text, attempts int,
      entry text, enqueued_ms float8, age_ms float8, failure text
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

-- Appends items with unique keys. A key that is there already makes its item null in the row; the answer holds, for each
-- item, its own id or that of the first one with its key. An id that stands there as its own is an ambiguous flush sent again.
create function {schema}.append_unique(rows json, items json, not_after_ms float8, out ids json, out clock float8)
language plpgsql
set lock_timeout = '1s'
as $$
begin
  -- Sorted, so that two of these never wait for each other in a circle.
  insert into {schema}.unique_key as u (scope, key, id, expires_at)
  select r.scope, r.key, r.id, {schema}.clock() + r.kept_ms * interval '1 ms'
  from json_to_recordset(items) as r(scope text, key text, id uuid, kept_ms float8)
  order by r.scope, r.key
  on conflict (scope, key) do update
  set id = excluded.id, expires_at = excluded.expires_at
  where u.expires_at < {schema}.clock();

  select json_agg(u.id order by r.at) into ids
  from rows from (json_to_recordset(items) as (scope text, key text)) with ordinality as r(scope, key, at)
  join {schema}.unique_key u on u.scope = r.scope and u.key = r.key;

  select {schema}.append(
    array_agg(built.queue), array_agg(built.partition), array_agg(built.generation), array_agg(built.flush),
    array_agg(built.n), array_agg(built.data), not_after_ms
  ) into clock
  from (
    select w.queue, w.partition, w.generation, w.flush, count(*)::int as n,
      '[' || string_agg(case when u.id = r.id then r.entry else 'null' end, ',' order by r.at) || ']' as data
    from rows from (json_to_recordset(items) as (row int, scope text, key text, id uuid, entry text)) with ordinality as r(row, scope, key, id, entry, at)
    join rows from (json_to_recordset(rows) as (queue int, partition int, generation int, flush uuid)) with ordinality as w(queue, partition, generation, flush, at) on w.at = r.row
    join {schema}.unique_key u on u.scope = r.scope and u.key = r.key
    group by w.queue, w.partition, w.generation, w.flush
    having bool_or(u.id = r.id)
  ) as built;
  clock := coalesce(clock, {schema}.epoch_ms({schema}.clock()));
end $$;
