-- What operators set for queues, apart from `queue`: a row is made when something is set for the first time.
create table {schema}.queue_control (
  queue int primary key references {schema}.queue (number),
  -- paused: nothing starts. stopped: what runs is told to end, too.
  state text not null default 'running' check (state in ('running', 'paused', 'stopped')),
  -- How many items of the queue a node runs at once, whatever their definitions say; null: what these say.
  per_node int check (per_node between 1 and 10000),
  -- Raised by each restart: nodes that see it rise tell what runs to end.
  restarts int not null default 0,
  -- Since when it is in its state.
  since timestamptz not null
);

-- Delayed items that are due, where their queue is held up: the retries beside them, which may be any number, are not read.
create index waiting_item_moves on {schema}.waiting_item (queue, partition, due_at, id) where moves and due_at is not null;

-- What became of items, per queue (0: of all of them) and span of 60 or 600 seconds. Nodes gather it and add to it every ten
-- seconds; those of 60 are kept for two days, those of 600 for thirty.
create table {schema}.queue_statistic (
  queue int not null,
  span int not null,
  at timestamptz not null,
  accepted bigint not null,
  succeeded bigint not null,
  broken bigint not null,
  cancelled bigint not null,
  -- Attempts, whether their items had others left or not.
  failed bigint not null,
  -- How many first attempts waited, and how many attempts ran, for how long: by half octaves of milliseconds.
  waits bigint[] not null,
  runs bigint[] not null,
  primary key (queue, span, at)
);
-- The last hour of all queues, and what is too old.
create index queue_statistic_at on {schema}.queue_statistic (span, at);

create function {schema}.add_counts(a bigint[], b bigint[]) returns bigint[]
language sql immutable as $$
  select coalesce(array_agg(coalesce(u.x, 0) + coalesce(u.y, 0) order by u.n), '{}')
  from unnest(a, b) with ordinality as u(x, y, n)
$$;

-- How a node is, as it says itself every other second.
create table {schema}.node_report (
  boot_id uuid primary key references {schema}.node (boot_id) on delete cascade,
  at timestamptz not null,
  running int not null,
  memory_mb int not null,
  -- Of one processor.
  cpu real not null,
  -- JSON: of each queue what runs; of each partition where reading goes on and since when something waits in memory.
  queues text not null,
  partitions text not null
) with (fillfactor = 50);

-- What the lanes hold of each queue, as last counted. Counting goes through both tables in parts, by whoever asks.
create table {schema}.queue_count (
  queue int not null,
  -- A state of the waiting lane, or broken.
  state text not null,
  n bigint not null,
  -- When the oldest of them was accepted.
  oldest_at timestamptz not null,
  primary key (queue, state)
);
create table {schema}.count_pass (
  source text primary key,
  -- The pass under way has come so far, and seen so much: rows as those of queue_count.
  after uuid,
  seen json not null default '[]',
  counted_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into {schema}.count_pass (source) values ('broken'), ('lane');

-- Counts what the lanes hold, 50,000 rows at a time: a step takes a tenth of a second or so. What fits one step is counted at
-- most every other second, and is right then; more takes as many calls as it has steps, and what was counted before stays until
-- the pass has come to the end.
create function {schema}.count_lanes() returns void
language plpgsql as $$
declare
  at_once constant int := 50000;
  now_at timestamptz := clock_timestamp();
  pass record;
  step record;
begin
  for pass in
    select * from {schema}.count_pass p
    where p.after is not null or p.counted_at < now_at - interval '2 s'
    order by p.source
    -- Who finds another one counting has no need to.
    for update skip locked
  loop
    if pass.source = 'lane' then
      with taken as materialized (
        select w.id, w.queue, w.state, w.enqueued_at
        from {schema}.waiting_item w
        where w.id > coalesce(pass.after, '00000000-0000-0000-0000-000000000000')
        order by w.id
        limit at_once
      )
      select (select count(*) from taken) as n, (select t.id from taken t order by t.id desc limit 1) as last,
        (select json_agg(g) from (select t.queue, t.state, count(*) as n, min(t.enqueued_at) as oldest_at from taken t group by 1, 2) as g) as seen
      into step;
    else
      with taken as materialized (
        select b.id, b.queue, b.enqueued_at
        from {schema}.broken_item b
        where b.id > coalesce(pass.after, '00000000-0000-0000-0000-000000000000')
        order by b.id
        limit at_once
      )
      select (select count(*) from taken) as n, (select t.id from taken t order by t.id desc limit 1) as last,
        (select json_agg(g) from (select t.queue, 'broken' as state, count(*) as n, min(t.enqueued_at) as oldest_at from taken t group by 1) as g) as seen
      into step;
    end if;
    select coalesce(json_agg(g), '[]') into pass.seen
    from (
      select r.queue, r.state, sum(r.n) as n, min(r.oldest_at) as oldest_at
      from (
        select * from json_to_recordset(pass.seen) as s(queue int, state text, n bigint, oldest_at timestamptz)
        union all
        select * from json_to_recordset(coalesce(step.seen, '[]')) as s(queue int, state text, n bigint, oldest_at timestamptz)
      ) as r
      group by r.queue, r.state
    ) as g;
    if step.n = at_once then
      update {schema}.count_pass p set after = step.last, seen = pass.seen where p.source = pass.source;
      continue;
    end if;
    delete from {schema}.queue_count c
    where (c.state = 'broken') = (pass.source = 'broken')
      and not exists (
        select from json_to_recordset(pass.seen) as s(queue int, state text) where s.queue = c.queue and s.state = c.state
      );
    insert into {schema}.queue_count as c (queue, state, n, oldest_at)
    select s.queue, s.state, s.n, s.oldest_at
    from json_to_recordset(pass.seen) as s(queue int, state text, n bigint, oldest_at timestamptz)
    on conflict (queue, state) do update
    set n = excluded.n, oldest_at = excluded.oldest_at
    where (c.n, c.oldest_at) <> (excluded.n, excluded.oldest_at);
    update {schema}.count_pass p set after = null, seen = '[]', counted_at = now_at where p.source = pass.source;
  end loop;
end $$;

-- Groups of broken items are found by going from one to the next.
create index broken_item_kind on {schema}.broken_item
  (queue, definition collate "C", {schema}.fingerprint(definition, failure), broken_at);

-- What an operator should know: raised when a rule finds it, and cleared when it does not any more.
create table {schema}.alert (
  id bigint generated always as identity primary key,
  rule text not null,
  -- The queue or the node that it is about.
  subject text not null,
  severity text not null,
  title text not null,
  since timestamptz not null,
  until timestamptz
);
create unique index alert_open on {schema}.alert (rule, subject) where until is null;
create index alert_until on {schema}.alert (until) where until is not null;
-- Which node looks next: one of them each time.
create table {schema}.alert_pass (
  one boolean primary key default true check (one),
  looked_at timestamptz not null
);
insert into {schema}.alert_pass (looked_at) values ('-infinity');

-- Somebody watches a queue, or one key of it: until then nodes write down what happens to its items.
create table {schema}.trace (
  id uuid primary key,
  queue int not null,
  key text,
  until timestamptz not null
);
-- Taken away by who watches.
create table {schema}.trace_line (
  id bigint generated always as identity primary key,
  trace uuid not null references {schema}.trace (id) on delete cascade,
  at timestamptz not null,
  item uuid,
  definition text,
  key text,
  event text not null,
  attempt int,
  message text
);
create index trace_line_of on {schema}.trace_line (trace, id);
