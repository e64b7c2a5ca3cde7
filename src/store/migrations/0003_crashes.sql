-- Items that take their node down: how far a dead owner can have got, what a node runs while one may be about, and what came of it.

alter table {schema}.partition
  -- Nothing at or beyond this position of the log has been started. Committed ahead of what is.
  add column read_to bigint not null default 0,
  -- Since when an owner died with items running that nobody knows by name: whatever starts is marked. Null: nothing of it is left.
  add column unclean_at timestamptz,
  -- They stand before this position, or in the lane.
  add column suspect_to bigint not null default 0;

-- What a node has running, as it said before it started the last of it. Only while some partition of it is not clear.
create table {schema}.crash_mark (
  boot_id uuid primary key,
  -- JSON array of {id, q, p, position, version, a}: version where it runs from the lane, a: the number of the attempt.
  items text not null,
  at timestamptz not null
);

-- Items that ran, by their marks, when their node died, and have not ended since. They run with nothing beside them.
create table {schema}.suspect_item (
  id uuid primary key,
  queue int not null,
  partition int not null,
  position bigint not null,
  -- How often its node died while nothing else ran there; three are enough.
  crashes int not null,
  -- The node whose death was charged last.
  charged_by uuid,
  since timestamptz not null
);
create index suspect_item_partition on {schema}.suspect_item (queue, partition);
