-- What happened to an item, apart from what its handler wrote: that may be a thousand lines of each attempt.
create index item_log_event on {schema}.item_log (id, at) where event <> 'log';
