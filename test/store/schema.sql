-- What all migrations give together; the heads of functions only. Written by:
-- COATCHECK_WRITE_SCHEMA=1 node --test test/store/schema.test.ts

create table act (
  id uuid not null,
  queue integer not null,
  partition integer not null,
  item uuid not null,
  kind text not null,
  arguments text,
  operator text,
  reason text,
  asked_at timestamp with time zone not null,
  verdict text,
  state text,
  decided_at timestamp with time zone,
  PRIMARY KEY (id),
  CHECK ((kind = ANY (ARRAY['cancel'::text, 'defer'::text, 'resume'::text, 'requeue'::text, 'edit'::text, 'remove'::text, 'clone'::text, 'skip'::text, 'release'::text]))),
  CHECK ((verdict = ANY (ARRAY['applied'::text, 'refused'::text])))
);

create table api_key (
  id text not null,
  name text not null,
  digest bytea not null,
  roles text[] not null,
  services text[],
  access_group text,
  rate_quota integer,
  rate_window_ms integer,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  PRIMARY KEY (id),
  CHECK (((rate_quota IS NULL) = (rate_window_ms IS NULL))),
  CHECK ((octet_length(digest) = 32))
);

create table backlog (
  queue integer not null,
  partition integer not null,
  waiting bigint not null default 0,
  in_lane bigint not null default 0,
  counted_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  lane_counted_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  start bigint not null default 0,
  ends bigint[] not null default '{}'::bigint[],
  items bigint[] not null default '{}'::bigint[],
  lane_seen bigint not null default 0,
  lane_due timestamp with time zone,
  lane_id uuid,
  PRIMARY KEY (queue, partition)
) with (fillfactor=50);

create table broken_item (
  id uuid not null,
  queue integer not null,
  partition integer not null,
  generation integer not null,
  position bigint not null,
  definition text not null,
  scope text not null,
  key text,
  attempts integer not null,
  version bigint not null default 1,
  entry text not null,
  enqueued_at timestamp with time zone not null,
  started_at timestamp with time zone,
  broken_at timestamp with time zone not null,
  failure text not null,
  blocks boolean not null default false,
  PRIMARY KEY (id)
);

create table crash_mark (
  boot_id uuid not null,
  items text not null,
  at timestamp with time zone not null,
  PRIMARY KEY (boot_id)
);

create table debounce (
  scope text not null,
  key text not null,
  id uuid not null,
  due_at timestamp with time zone not null,
  deadline timestamp with time zone,
  PRIMARY KEY (scope, key)
) with (fillfactor=70);

create table definition (
  id text not null,
  application text not null,
  queue integer not null,
  keyed boolean not null,
  max_payload integer not null,
  PRIMARY KEY (id),
  FOREIGN KEY (queue) REFERENCES queue(number)
);

create table hole (
  queue integer not null,
  partition integer not null,
  seq bigint not null,
  xid xid8 not null,
  PRIMARY KEY (queue, partition, seq)
);

create table idempotent_call (
  scope text not null,
  key text not null,
  digest text not null,
  holder uuid not null,
  lease_until timestamp with time zone not null,
  answer text,
  expires_at timestamp with time zone not null,
  PRIMARY KEY (scope, key)
);

create table item_log (
  id uuid not null,
  at timestamp with time zone not null,
  attempt integer not null,
  event text not null,
  message text not null,
  data text
);

create table log (
  queue integer not null,
  partition integer not null,
  seq bigint not null,
  flush uuid not null,
  n integer not null,
  at timestamp with time zone not null,
  data text not null,
  PRIMARY KEY (queue, partition, seq),
  CHECK (((n >= 1) AND (n <= 4096)))
);

create table migration (
  number integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp(),
  PRIMARY KEY (number)
);

create table node (
  boot_id uuid not null,
  name text not null,
  types text[] not null,
  version text not null,
  queues integer[] not null,
  started_at timestamp with time zone not null,
  lease_until timestamp with time zone not null,
  PRIMARY KEY (boot_id)
) with (fillfactor=50);

create table partition (
  queue integer not null,
  partition integer not null,
  generation integer not null,
  owner uuid,
  epoch bigint not null default 0,
  watermark bigint not null default 0,
  done int8multirange not null default '{}'::int8multirange,
  indexed_to bigint not null default 0,
  read_to bigint not null default 0,
  unclean_at timestamp with time zone,
  suspect_to bigint not null default 0,
  closed_at timestamp with time zone,
  closed_clean boolean not null default false,
  drained_at timestamp with time zone,
  PRIMARY KEY (queue, partition),
  CHECK (((partition >= 0) AND (partition <= 4095))),
  FOREIGN KEY (queue) REFERENCES queue(number)
) with (fillfactor=50);

create table queue (
  number integer not null,
  name text not null,
  generation integer not null default 1,
  first_partition integer not null default 0,
  partitions integer not null,
  max_waiting bigint not null default 10000000,
  PRIMARY KEY (number),
  CHECK ((max_waiting > 0)),
  UNIQUE (name),
  CHECK (((number >= 1) AND (number <= 16383))),
  CHECK (((partitions >= 1) AND (partitions <= 4096)))
);

create table suspect_item (
  id uuid not null,
  queue integer not null,
  partition integer not null,
  position bigint not null,
  crashes integer not null,
  charged_by uuid,
  since timestamp with time zone not null,
  PRIMARY KEY (id)
);

create table tracked_item (
  id uuid not null,
  queue integer not null,
  definition text not null,
  key text,
  state text not null,
  attempts integer not null,
  enqueued_at timestamp with time zone not null,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  expires_at timestamp with time zone,
  context text,
  input text,
  result text,
  failure text,
  progress text,
  reply text,
  reason text,
  PRIMARY KEY (id)
);

create table unique_key (
  scope text not null,
  key text not null,
  id uuid not null,
  expires_at timestamp with time zone not null,
  digest text,
  PRIMARY KEY (scope, key)
);

create table waiting_item (
  id uuid not null,
  queue integer not null,
  partition integer not null,
  generation integer,
  position bigint,
  definition text not null,
  scope text not null,
  key text,
  state text not null,
  moves boolean not null,
  due_at timestamp with time zone,
  attempts integer not null default 0,
  version bigint not null default 1,
  entry text not null,
  enqueued_at timestamp with time zone not null,
  started_at timestamp with time zone,
  failure text,
  PRIMARY KEY (id),
  CHECK ((state = ANY (ARRAY['ready'::text, 'scheduled'::text, 'held'::text, 'deferred'::text])))
) with (fillfactor=80);

CREATE INDEX act_decided ON act USING btree (decided_at) WHERE (decided_at IS NOT NULL);
CREATE INDEX act_open ON act USING btree (queue, partition, asked_at, id) WHERE (verdict IS NULL);
CREATE INDEX broken_item_block ON broken_item USING btree (queue, scope, key) WHERE blocks;
CREATE INDEX broken_item_block_id ON broken_item USING btree (id) WHERE blocks;
CREATE INDEX broken_item_partition ON broken_item USING btree (queue, partition);
CREATE INDEX debounce_due ON debounce USING btree (due_at);
CREATE UNIQUE INDEX debounce_id ON debounce USING btree (id);
CREATE INDEX idempotent_call_expiry ON idempotent_call USING btree (expires_at);
CREATE INDEX item_log_id ON item_log USING btree (id, at);
CREATE UNIQUE INDEX log_flush ON log USING btree (flush);
CREATE INDEX suspect_item_partition ON suspect_item USING btree (queue, partition);
CREATE INDEX tracked_item_expiry ON tracked_item USING brin (expires_at);
CREATE INDEX tracked_item_open ON tracked_item USING btree (id) WHERE (ended_at IS NULL);
CREATE INDEX unique_key_expiry ON unique_key USING btree (expires_at);
CREATE INDEX waiting_item_due_id ON waiting_item USING btree (queue, partition, due_at, id) WHERE (due_at IS NOT NULL);
CREATE INDEX waiting_item_key ON waiting_item USING btree (queue, partition, scope, key, generation, "position") WHERE ("position" IS NOT NULL);
CREATE INDEX waiting_item_position ON waiting_item USING btree (queue, partition, generation, "position") WHERE (("position" IS NOT NULL) AND (state = ANY (ARRAY['held'::text, 'ready'::text])));

create sequence epoch;

create function accept_debounced(items json) returns json language plpgsql;
create function adopt_strays() returns integer language sql;
create function append(queues integer[], partition_numbers integer[], generations integer[], flushes uuid[], counts integer[], texts text[], not_after_ms double precision DEFAULT NULL::double precision) returns double precision language plpgsql;
create function append_rows(queues integer[], partition_numbers integer[], generations integer[], flushes uuid[], counts integer[], texts text[], not_after_ms double precision, again boolean) returns double precision language plpgsql;
create function append_unique(rows json, items json, not_after_ms double precision, leave_busy boolean DEFAULT false, OUT ids json, OUT clock double precision) returns record language plpgsql set lock_timeout=1s;
create function clock() returns timestamp with time zone language sql;
create function count_backlog(queues integer[]) returns TABLE(queue integer, waiting bigint, max_waiting bigint) language plpgsql;
create function create_row_id(queue integer, partition integer) returns uuid language sql;
create function decide_acts(decided json, lane json, broken json, tracked json) returns void language plpgsql set lock_timeout=6s;
create function declare_queue(queue_name text, partition_count integer) returns integer language plpgsql;
create function drain_partition(boot uuid, of_queue integer, of_partition integer, of_epoch bigint, mark text, is_patient boolean, at_most integer) returns text language plpgsql set lock_timeout=6s;
create function end_partition(boot uuid, of_queue integer, of_partition integer, of_epoch bigint) returns boolean language plpgsql set lock_timeout=50ms;
create function enqueue(processor text, payload json, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language sql;
create function enqueue(processor text, payload jsonb, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language sql;
create function enqueue(processor text, payload text, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language plpgsql;
create function epoch_ms(at timestamp with time zone) returns double precision language sql immutable;
create function hold_unique_keys(items json) returns bigint language plpgsql;
create function is_current(queues integer[], generations integer[]) returns boolean language sql;
create function is_too_deep(payload text) returns boolean language plpgsql immutable;
create function next_partition(of_queue integer, of_partition integer, item_key text, item uuid) returns integer language sql stable;
create function partition_of(key text, first_partition integer, partitions integer) returns integer language sql immutable;
create function present_partition(of_queue integer, of_partition integer, item_key text, item uuid) returns integer language sql stable;
create function put_waiting(items json) returns void language sql;
create function repartition(queue_name text, partition_count integer) returns TABLE(number integer, generation integer, first_partition integer, partitions integer, changed boolean) language plpgsql;
create function settle(boot uuid, queues integer[], partition_numbers integer[], epochs bigint[], dones text[], indexed bigint[], merged json, logged json, waiting_in json, waiting_changed json, waiting_out json, broken_in json, holes_in json, holes_out json) returns double precision language plpgsql set lock_timeout=6s;
create function track(queue integer, definition text, kept_ms double precision, ids uuid[], enqueued_ms double precision[], ages_ms double precision[], keys text[], contexts text[], inputs text, results text) returns void language plpgsql;
