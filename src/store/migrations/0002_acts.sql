-- Acts on items: what a person asked for, until and after the partition's owner has decided it (rule 9).

create table {schema}.act (
  id uuid primary key,
  queue int not null,
  partition int not null,
  item uuid not null,
  kind text not null check (kind in ('cancel', 'defer', 'resume', 'requeue', 'edit', 'remove', 'clone')),
  -- JSON: what the kind takes, such as the edited input.
  arguments text,
  operator text,
  reason text,
  asked_at timestamptz not null,
  -- Null while it is open. Only the owner of the partition decides, in the transaction that has the effect.
  verdict text check (verdict in ('applied', 'refused')),
  -- In which state the item was met.
  state text,
  decided_at timestamptz
);
-- Open ones by their owner, in the order they were asked for.
create index act_open on {schema}.act (queue, partition, asked_at, id) where verdict is null;
-- Housekeeping reads decided ones from the oldest.
create index act_decided on {schema}.act (decided_at) where decided_at is not null;
