-- Limits of accepting: how many items may wait on a queue, unique keys that know their payload, and debounce.

alter table {schema}.queue add column max_waiting bigint not null default 10000000 check (max_waiting > 0);

-- How many items of a partition wait, as last counted. Nobody updates it for an item: who accepts or runs items has it counted
-- at most once a second. A row of its own, since `partition` is busy with settles.
create table {schema}.backlog (
  queue int not null,
  partition int not null,
  -- Accepted and not ended: in the log (those that run included) and in the lane.
  waiting bigint not null default 0,
  in_lane bigint not null default 0,
  -- By the real clock, as it only bounds the work.
  counted_at timestamptz not null default '-infinity',
  lane_counted_at timestamptz not null default '-infinity',
  -- The rows of the log from the seq `start` on, in stretches: the seq before which each ends, and how many items it has.
  start bigint not null default 0,
  ends bigint[] not null default '{}',
  items bigint[] not null default '{}',
  primary key (queue, partition)
) with (fillfactor = 50);

-- What stands for the payload: the same key with another one is refused. Null where an earlier release wrote the row.
alter table {schema}.unique_key add column digest text;

-- The one item that waits for each debounce key, while it can still be replaced. Whoever accepts holds the row while it
-- replaces the item; the owner of its partition takes the row away before it moves the item into the log.
create table {schema}.debounce (
  scope text not null,
  key text not null,
  id uuid not null,
  due_at timestamptz not null,
  -- Until when the due time can be moved; null: for ever.
  deadline timestamptz,
  primary key (scope, key)
) with (fillfactor = 70);
-- From a row of the lane that is due to its debounce key.
create unique index debounce_id on {schema}.debounce (id);

-- Accepts items with debounce keys: rows for the lane as `put_waiting` takes them, with their keys. The answer holds for each
-- `[id, outcome]`: `new`; `replaced`, where the item of that id has not been taken up; or `clash`, where the one that waits has
-- another partition key, so that its place and its order are not those of this one.
create function {schema}.accept_debounced(items json) returns json
language plpgsql as $$
declare
  item record;
  held record;
  answers json[] := '{}';
begin
  -- Sorted, so that two of these never wait for each other in a circle.
  for item in
    select r.*
    from rows from (json_to_recordset(items) as (id uuid, key text, entry text, debounce_scope text, debounce_key text, wait_ms float8, max_wait_ms float8, row json))
      with ordinality as r(id, key, entry, debounce_scope, debounce_key, wait_ms, max_wait_ms, row, at)
    order by r.debounce_scope, r.debounce_key, r.at
  loop
    insert into {schema}.debounce as d (scope, key, id, due_at, deadline)
    values (
      item.debounce_scope, item.debounce_key, item.id,
      {schema}.clock() + least(item.wait_ms, item.max_wait_ms) * interval '1 ms', {schema}.clock() + item.max_wait_ms * interval '1 ms'
    )
    -- Changes nothing: it locks the row.
    on conflict (scope, key) do update set id = d.id
    returning d.id, d.due_at, d.deadline into held;
    if held.id <> item.id then
      held.due_at := least({schema}.clock() + item.wait_ms * interval '1 ms', held.deadline);
      -- Its version stays: that is for owners, and none has met the item as long as the key's row is there.
      update {schema}.waiting_item w
      set entry = item.entry, due_at = held.due_at
      where w.id = held.id and w.state = 'scheduled' and w.moves and w.key is not distinct from item.key;
      if found then
        update {schema}.debounce d set due_at = held.due_at where d.scope = item.debounce_scope and d.key = item.debounce_key;
        answers[item.at] := json_build_array(held.id, 'replaced');
        continue;
      end if;
      if exists (select from {schema}.waiting_item w where w.id = held.id and w.state = 'scheduled' and w.moves) then
        answers[item.at] := json_build_array(held.id, 'clash');
        continue;
      end if;
    end if;
    if held.id <> item.id then
      -- A person has taken the one before away: this one waits in its place.
      update {schema}.debounce d
      set id = item.id,
          due_at = {schema}.clock() + least(item.wait_ms, item.max_wait_ms) * interval '1 ms',
          deadline = {schema}.clock() + item.max_wait_ms * interval '1 ms'
      where d.scope = item.debounce_scope and d.key = item.debounce_key
      returning d.due_at into held.due_at;
    end if;
    perform {schema}.put_waiting(json_build_array(item.row));
    update {schema}.waiting_item w set due_at = held.due_at where w.id = item.id;
    answers[item.at] := json_build_array(item.id, 'new');
  end loop;
  return array_to_json(answers);
end $$;
