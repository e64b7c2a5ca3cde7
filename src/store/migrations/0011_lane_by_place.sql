-- By place, for a new owner that walks through what waits for nothing but an owner, and starts the first of each key.
create index waiting_item_position on {schema}.waiting_item (queue, partition, generation, position)
  where position is not null and state in ('held', 'ready');
