-- Operators look for items among millions: by queue, state, key and by who asked. Newest first is descending by id, since ids are
-- ordered by time; so each index ends with the id, and a page is read from where it begins.
--
-- Settle inserts the most: into a growing table an index costs little where new rows fall side by side, and much where each row falls
-- somewhere else. What is spread (keys, correlation ids) is therefore kept by the time of the id first: its first three bytes change
-- every 4 2/3 hours, and only the part of the last hours is written to. Whoever looks goes through those parts, newest first.

-- What has ended of a queue and a definition, or of all of them one after the other: a backlog is newer than all that has ended, and
-- may be long. Without a collation comparing costs less.
create index tracked_item_ended_group on {schema}.tracked_item (queue, definition collate "C", id) where ended_at is not null;
-- What has not ended, and what was cancelled (it alone has a reason): few of many, which settle's plain inserts are never among.
create index tracked_item_open_group on {schema}.tracked_item (state, queue, definition collate "C", id) where ended_at is null;
create index tracked_item_cancelled on {schema}.tracked_item (queue, definition collate "C", id) where reason is not null;
create index tracked_item_key on {schema}.tracked_item (substr(uuid_send(id), 1, 3), key collate "C", id) where key is not null;
-- Who asked stands in the context. What writes rows, of this release or an older one, need not know of these; a context is read
-- only where it may hold the member. Hashed, since a caller may give anything, and an entry of an index has its limit.
create index tracked_item_correlation on {schema}.tracked_item
  (substr(uuid_send(id), 1, 3), hashtextextended(context::json ->> 'correlationId', 0), id) where context like '%"correlationId"%';
create index tracked_item_causation on {schema}.tracked_item
  (left(context::json ->> 'causationId', 64) collate "C", id) where context like '%"causationId"%';
create index tracked_item_caller on {schema}.tracked_item
  (hashtextextended(context::json ->> 'caller', 0), id) where context like '%"caller"%';
create index tracked_item_access on {schema}.tracked_item
  (hashtextextended(context::json ->> 'accessGroup', 0), id) where context like '%"accessGroup"%';

-- The context of an entry. Operators of json refuse a text that has NUL or half a surrogate pair anywhere as an escape, as a callback's may
-- that an older release wrote: a result goes along in it. An index must not keep a row out for that. Contexts have no such escapes.
create function {schema}.lane_context(entry text) returns json
language sql immutable as $$
  select (case when strpos(entry, '\u') = 0 then entry
    else regexp_replace(entry, '\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g') end)::json -> 'c'
$$;

create index waiting_item_group on {schema}.waiting_item (state, queue, definition collate "C", id);
create index waiting_item_find_key on {schema}.waiting_item (key collate "C", id) where key is not null;
create index waiting_item_code on {schema}.waiting_item ((failure::json ->> 'code'), id) where failure is not null;
create index waiting_item_correlation on {schema}.waiting_item
  (hashtextextended({schema}.lane_context(entry) ->> 'correlationId', 0), id) where entry like '%"correlationId"%';
create index waiting_item_causation on {schema}.waiting_item
  (left({schema}.lane_context(entry) ->> 'causationId', 64) collate "C", id) where entry like '%"causationId"%';
create index waiting_item_caller on {schema}.waiting_item
  (hashtextextended({schema}.lane_context(entry) ->> 'caller', 0), id) where entry like '%"caller"%';
create index waiting_item_access on {schema}.waiting_item
  (hashtextextended({schema}.lane_context(entry) ->> 'accessGroup', 0), id) where entry like '%"accessGroup"%';

-- What a message says without what differs from item to item: ids, numbers, quoted text.
create function {schema}.plain_message(message text) returns text
language sql immutable as $$
  select left(regexp_replace(left(message, 400),
    '"[^"]*"|''[^'']*''|`[^`]*`|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\m[0-9a-fA-F]*[0-9][0-9a-fA-F]*\M|[0-9]+', '…', 'g'), 200)
$$;

-- The same for items of a definition that broke for the same reason.
create function {schema}.fingerprint(definition text, failure text) returns text
language sql immutable as $$
  select left(md5(definition || E'\n' || coalesce(failure::json ->> 'code', '') || E'\n' || {schema}.plain_message(coalesce(failure::json ->> 'message', ''))), 16)
$$;

create index broken_item_group on {schema}.broken_item (queue, definition collate "C", id);
create index broken_item_find_key on {schema}.broken_item (key collate "C", id) where key is not null;
create index broken_item_code on {schema}.broken_item ((failure::json ->> 'code'), id);
create index broken_item_fingerprint on {schema}.broken_item ({schema}.fingerprint(definition, failure), id);
create index broken_item_correlation on {schema}.broken_item
  (hashtextextended({schema}.lane_context(entry) ->> 'correlationId', 0), id) where entry like '%"correlationId"%';
create index broken_item_causation on {schema}.broken_item
  (left({schema}.lane_context(entry) ->> 'causationId', 64) collate "C", id) where entry like '%"causationId"%';
create index broken_item_caller on {schema}.broken_item
  (hashtextextended({schema}.lane_context(entry) ->> 'caller', 0), id) where entry like '%"caller"%';
create index broken_item_access on {schema}.broken_item
  (hashtextextended({schema}.lane_context(entry) ->> 'accessGroup', 0), id) where entry like '%"accessGroup"%';

-- What was asked for an item, shown with it.
create index act_item on {schema}.act (item, asked_at);
