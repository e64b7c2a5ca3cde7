-- What the owner starts when it is due, by definition: of definitions that no node has any more there may be any number, and
-- none of it is looked at. Delayed items go into the log, and have an index of their own.
create index waiting_item_due_definition on {schema}.waiting_item (queue, partition, definition collate "C", due_at, id)
  where due_at is not null and not moves;
