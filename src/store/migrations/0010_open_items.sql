-- Lists and acts in bulk ask for what has not ended: a few rows of many. What has succeeded is inserted with its end, and is
-- never in it.
create index tracked_item_open on {schema}.tracked_item (id) where ended_at is null;
