-- What a node was made with, as it says itself: written when it begins to run items, and again when something of it changes.
create table {schema}.node_description (
  boot_id uuid primary key references {schema}.node (boot_id) on delete cascade,
  -- Of `applications`: nodes of one release say the same, and it is read of one of them.
  digest text not null,
  -- JSON: the applications and their definitions; the options of the node, without what is secret.
  applications text not null,
  settings text not null
);
