-- What happened to an item, apart from what its handler wrote: that may be a thousand lines of each attempt.
create index item_log_event on {schema}.item_log (id, at) where event <> 'log';

-- How long the oldest item waited for its turn, in milliseconds: the longest of the span; null where none did. One of the nodes looks
-- every ten seconds. Of releases before this one it is null.
alter table {schema}.queue_statistic add column oldest_ms float8;
