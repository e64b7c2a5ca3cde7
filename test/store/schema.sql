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

create table alert (
  id bigint not null,
  rule text not null,
  subject text not null,
  severity text not null,
  title text not null,
  since timestamp with time zone not null,
  until timestamp with time zone,
  PRIMARY KEY (id)
);

create table alert_pass (
  one boolean not null default true,
  looked_at timestamp with time zone not null,
  PRIMARY KEY (one),
  CHECK (one)
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

create table count_pass (
  source text not null,
  after uuid,
  seen json not null default '[]'::json,
  counted_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  PRIMARY KEY (source)
) with (fillfactor=50);

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
  process text,
  PRIMARY KEY (boot_id)
) with (fillfactor=50);

create table node_description (
  boot_id uuid not null,
  digest text not null,
  applications text not null,
  settings text not null,
  PRIMARY KEY (boot_id),
  FOREIGN KEY (boot_id) REFERENCES node(boot_id) ON DELETE CASCADE
);

create table node_report (
  boot_id uuid not null,
  at timestamp with time zone not null,
  running integer not null,
  memory_mb integer not null,
  cpu real not null,
  queues text not null,
  partitions text not null,
  PRIMARY KEY (boot_id),
  FOREIGN KEY (boot_id) REFERENCES node(boot_id) ON DELETE CASCADE
) with (fillfactor=50);

create table operator_audit (
  id bigint not null,
  at timestamp with time zone not null,
  operator text not null,
  name text not null,
  act text not null,
  subject text not null,
  subject_id text not null,
  before text,
  after text,
  reason text,
  via text not null,
  request_id text,
  PRIMARY KEY (id)
);

create table operator_link (
  digest bytea not null,
  id text not null,
  role text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  PRIMARY KEY (digest),
  CHECK ((octet_length(digest) = 32)),
  CHECK ((role = ANY (ARRAY['observer'::text, 'operator'::text, 'administrator'::text])))
);

create table operator_session (
  id text not null,
  digest bytea not null,
  operator text not null,
  name text not null,
  user_name text,
  role text,
  access_group text,
  via text not null,
  created_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  PRIMARY KEY (id),
  CHECK (((user_name IS NULL) = (role IS NOT NULL))),
  CHECK ((octet_length(digest) = 32)),
  UNIQUE (digest),
  CHECK ((role = ANY (ARRAY['observer'::text, 'operator'::text, 'administrator'::text]))),
  FOREIGN KEY (user_name) REFERENCES operator_user(name)
);

create table operator_user (
  name text not null,
  role text not null,
  access_group text,
  password text,
  created_at timestamp with time zone not null,
  disabled_at timestamp with time zone,
  PRIMARY KEY (name),
  CHECK ((role = ANY (ARRAY['observer'::text, 'operator'::text, 'administrator'::text])))
);

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

create table queue_control (
  queue integer not null,
  state text not null default 'running'::text,
  per_node integer,
  restarts integer not null default 0,
  since timestamp with time zone not null,
  PRIMARY KEY (queue),
  CHECK (((per_node >= 1) AND (per_node <= 10000))),
  FOREIGN KEY (queue) REFERENCES queue(number),
  CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text, 'stopped'::text])))
);

create table queue_count (
  queue integer not null,
  state text not null,
  n bigint not null,
  oldest_at timestamp with time zone not null,
  PRIMARY KEY (queue, state)
);

create table queue_statistic (
  queue integer not null,
  span integer not null,
  at timestamp with time zone not null,
  accepted bigint not null,
  succeeded bigint not null,
  broken bigint not null,
  cancelled bigint not null,
  failed bigint not null,
  waits bigint[] not null,
  runs bigint[] not null,
  oldest_ms double precision,
  PRIMARY KEY (queue, span, at)
);

create table sign_in_attempt (
  account bytea not null,
  at timestamp with time zone[] not null,
  last_at timestamp with time zone not null,
  PRIMARY KEY (account),
  CHECK ((octet_length(account) = 32))
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

create table trace (
  id uuid not null,
  queue integer not null,
  key text,
  until timestamp with time zone not null,
  PRIMARY KEY (id)
);

create table trace_line (
  id bigint not null,
  trace uuid not null,
  at timestamp with time zone not null,
  item uuid,
  definition text,
  key text,
  event text not null,
  attempt integer,
  message text,
  PRIMARY KEY (id),
  FOREIGN KEY (trace) REFERENCES trace(id) ON DELETE CASCADE
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
CREATE INDEX act_item ON act USING btree (item, asked_at);
CREATE INDEX act_open ON act USING btree (queue, partition, asked_at, id) WHERE (verdict IS NULL);
CREATE UNIQUE INDEX alert_open ON alert USING btree (rule, subject) WHERE (until IS NULL);
CREATE INDEX alert_until ON alert USING btree (until) WHERE (until IS NOT NULL);
CREATE INDEX api_key_age ON api_key USING btree (created_at, id);
CREATE INDEX broken_item_access ON broken_item USING btree (hashtextextended((lane_context(entry) ->> 'accessGroup'::text), (0)::bigint), id) WHERE (entry ~~ '%"accessGroup"%'::text);
CREATE INDEX broken_item_block ON broken_item USING btree (queue, scope, key) WHERE blocks;
CREATE INDEX broken_item_block_id ON broken_item USING btree (id) WHERE blocks;
CREATE INDEX broken_item_caller ON broken_item USING btree (hashtextextended((lane_context(entry) ->> 'caller'::text), (0)::bigint), id) WHERE (entry ~~ '%"caller"%'::text);
CREATE INDEX broken_item_causation ON broken_item USING btree ("left"((lane_context(entry) ->> 'causationId'::text), 64) COLLATE "C", id) WHERE (entry ~~ '%"causationId"%'::text);
CREATE INDEX broken_item_code ON broken_item USING btree ((((failure)::json ->> 'code'::text)), id);
CREATE INDEX broken_item_correlation ON broken_item USING btree (hashtextextended((lane_context(entry) ->> 'correlationId'::text), (0)::bigint), id) WHERE (entry ~~ '%"correlationId"%'::text);
CREATE INDEX broken_item_find_key ON broken_item USING btree (key COLLATE "C", id) WHERE (key IS NOT NULL);
CREATE INDEX broken_item_fingerprint ON broken_item USING btree (fingerprint(definition, failure), id);
CREATE INDEX broken_item_group ON broken_item USING btree (queue, definition COLLATE "C", id);
CREATE INDEX broken_item_kind ON broken_item USING btree (queue, definition COLLATE "C", fingerprint(definition, failure), broken_at);
CREATE INDEX broken_item_partition ON broken_item USING btree (queue, partition);
CREATE INDEX debounce_due ON debounce USING btree (due_at);
CREATE UNIQUE INDEX debounce_id ON debounce USING btree (id);
CREATE INDEX idempotent_call_expiry ON idempotent_call USING btree (expires_at);
CREATE INDEX item_log_event ON item_log USING btree (id, at) WHERE (event <> 'log'::text);
CREATE INDEX item_log_id ON item_log USING btree (id, at);
CREATE UNIQUE INDEX log_flush ON log USING btree (flush);
CREATE INDEX operator_audit_act ON operator_audit USING btree (act, at, id);
CREATE INDEX operator_audit_operator ON operator_audit USING btree (operator, at, id);
CREATE INDEX operator_audit_subject ON operator_audit USING btree (subject, subject_id, at, id);
CREATE INDEX operator_audit_time ON operator_audit USING btree (at, id);
CREATE INDEX operator_link_end ON operator_link USING btree (expires_at);
CREATE INDEX operator_session_end ON operator_session USING btree (expires_at, id);
CREATE INDEX operator_session_user ON operator_session USING btree (user_name) WHERE (user_name IS NOT NULL);
CREATE INDEX queue_statistic_at ON queue_statistic USING btree (span, at);
CREATE INDEX sign_in_attempt_end ON sign_in_attempt USING btree (last_at);
CREATE INDEX suspect_item_partition ON suspect_item USING btree (queue, partition);
CREATE INDEX trace_line_of ON trace_line USING btree (trace, id);
CREATE INDEX tracked_item_access ON tracked_item USING btree (hashtextextended(((context)::json ->> 'accessGroup'::text), (0)::bigint), id) WHERE (context ~~ '%"accessGroup"%'::text);
CREATE INDEX tracked_item_caller ON tracked_item USING btree (hashtextextended(((context)::json ->> 'caller'::text), (0)::bigint), id) WHERE (context ~~ '%"caller"%'::text);
CREATE INDEX tracked_item_cancelled ON tracked_item USING btree (queue, definition COLLATE "C", id) WHERE (reason IS NOT NULL);
CREATE INDEX tracked_item_causation ON tracked_item USING btree ("left"(((context)::json ->> 'causationId'::text), 64) COLLATE "C", id) WHERE (context ~~ '%"causationId"%'::text);
CREATE INDEX tracked_item_correlation ON tracked_item USING btree (substr(uuid_send(id), 1, 3), hashtextextended(((context)::json ->> 'correlationId'::text), (0)::bigint), id) WHERE (context ~~ '%"correlationId"%'::text);
CREATE INDEX tracked_item_ended_group ON tracked_item USING btree (queue, definition COLLATE "C", id) WHERE (ended_at IS NOT NULL);
CREATE INDEX tracked_item_expiry ON tracked_item USING brin (expires_at);
CREATE INDEX tracked_item_key ON tracked_item USING btree (substr(uuid_send(id), 1, 3), key COLLATE "C", id) WHERE (key IS NOT NULL);
CREATE INDEX tracked_item_open ON tracked_item USING btree (id) WHERE (ended_at IS NULL);
CREATE INDEX tracked_item_open_group ON tracked_item USING btree (state, queue, definition COLLATE "C", id) WHERE (ended_at IS NULL);
CREATE INDEX unique_key_expiry ON unique_key USING btree (expires_at);
CREATE INDEX waiting_item_access ON waiting_item USING btree (hashtextextended((lane_context(entry) ->> 'accessGroup'::text), (0)::bigint), id) WHERE (entry ~~ '%"accessGroup"%'::text);
CREATE INDEX waiting_item_caller ON waiting_item USING btree (hashtextextended((lane_context(entry) ->> 'caller'::text), (0)::bigint), id) WHERE (entry ~~ '%"caller"%'::text);
CREATE INDEX waiting_item_causation ON waiting_item USING btree ("left"((lane_context(entry) ->> 'causationId'::text), 64) COLLATE "C", id) WHERE (entry ~~ '%"causationId"%'::text);
CREATE INDEX waiting_item_code ON waiting_item USING btree ((((failure)::json ->> 'code'::text)), id) WHERE (failure IS NOT NULL);
CREATE INDEX waiting_item_correlation ON waiting_item USING btree (hashtextextended((lane_context(entry) ->> 'correlationId'::text), (0)::bigint), id) WHERE (entry ~~ '%"correlationId"%'::text);
CREATE INDEX waiting_item_due_definition ON waiting_item USING btree (queue, partition, definition COLLATE "C", due_at, id) WHERE ((due_at IS NOT NULL) AND (NOT moves));
CREATE INDEX waiting_item_due_id ON waiting_item USING btree (queue, partition, due_at, id) WHERE (due_at IS NOT NULL);
CREATE INDEX waiting_item_find_key ON waiting_item USING btree (key COLLATE "C", id) WHERE (key IS NOT NULL);
CREATE INDEX waiting_item_group ON waiting_item USING btree (state, queue, definition COLLATE "C", id);
CREATE INDEX waiting_item_key ON waiting_item USING btree (queue, partition, scope, key, generation, "position") WHERE ("position" IS NOT NULL);
CREATE INDEX waiting_item_moves ON waiting_item USING btree (queue, partition, due_at, id) WHERE (moves AND (due_at IS NOT NULL));
CREATE INDEX waiting_item_position ON waiting_item USING btree (queue, partition, generation, "position") WHERE (("position" IS NOT NULL) AND (state = ANY (ARRAY['held'::text, 'ready'::text])));

create sequence alert_id_seq;
create sequence epoch;
create sequence operator_audit_id_seq;
create sequence trace_line_id_seq;

create function accept_debounced(items json) returns json language plpgsql;
create function add_counts(a bigint[], b bigint[]) returns bigint[] language sql immutable;
create function adopt_strays() returns integer language sql;
create function advance_partitions(boot uuid, queues integer[], partition_numbers integer[], epochs bigint[], dones text[], indexed bigint[], places tid[]) returns text language plpgsql set lock_timeout=6s;
create function append(queues integer[], partition_numbers integer[], generations integer[], flushes uuid[], counts integer[], texts text[], not_after_ms double precision DEFAULT NULL::double precision) returns double precision language plpgsql;
create function append_rows(queues integer[], partition_numbers integer[], generations integer[], flushes uuid[], counts integer[], texts text[], not_after_ms double precision, again boolean) returns double precision language plpgsql;
create function append_unique(rows json, items json, not_after_ms double precision, leave_busy boolean DEFAULT false, OUT ids json, OUT clock double precision) returns record language plpgsql set lock_timeout=1s;
create function clock() returns timestamp with time zone language sql;
create function count_backlog(queues integer[]) returns TABLE(queue integer, waiting bigint, max_waiting bigint) language plpgsql;
create function count_lanes() returns void language plpgsql;
create function create_row_id(queue integer, partition integer) returns uuid language sql;
create function decide_acts(decided json, lane json, broken json, tracked json) returns void language plpgsql set lock_timeout=6s;
create function declare_queue(queue_name text, partition_count integer) returns integer language plpgsql;
create function drain_partition(boot uuid, of_queue integer, of_partition integer, of_epoch bigint, mark text, is_patient boolean, at_most integer) returns text language plpgsql set lock_timeout=6s;
create function end_partition(boot uuid, of_queue integer, of_partition integer, of_epoch bigint) returns boolean language plpgsql set lock_timeout=50ms;
create function enqueue(processor text, payload json, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language sql;
create function enqueue(processor text, payload jsonb, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language sql;
create function enqueue(processor text, payload text, key text DEFAULT NULL::text, delay interval DEFAULT NULL::interval, at timestamp with time zone DEFAULT NULL::timestamp with time zone) returns uuid language plpgsql;
create function epoch_ms(at timestamp with time zone) returns double precision language sql immutable;
create function fingerprint(definition text, failure text) returns text language sql immutable;
create function hold_unique_keys(items json) returns bigint language plpgsql;
create function is_current(queues integer[], generations integer[]) returns boolean language sql;
create function is_too_deep(payload text) returns boolean language plpgsql immutable;
create function lane_context(entry text) returns json language sql immutable;
create function next_generation(of_queue integer, of_partition integer, OUT first integer, OUT partitions integer) returns record language sql stable;
create function next_partition(of_queue integer, of_partition integer, item_key text, item uuid) returns integer language sql stable;
create function partition_after(of_queue integer, of_partition integer, item_key text, item uuid, next_first integer, next_partitions integer) returns integer language sql stable;
create function partition_of(key text, first_partition integer, partitions integer) returns integer language sql immutable;
create function plain_message(message text) returns text language sql immutable;
create function present_partition(of_queue integer, of_partition integer, item_key text, item uuid) returns integer language sql stable;
create function put_waiting(items json) returns void language sql;
create function refuse_audit_change() returns trigger language plpgsql;
create function repartition(queue_name text, partition_count integer) returns TABLE(number integer, generation integer, first_partition integer, partitions integer, changed boolean) language plpgsql;
create function settle(boot uuid, queues integer[], partition_numbers integer[], epochs bigint[], dones text[], indexed bigint[], merged json, logged json, waiting_in json, waiting_changed json, waiting_out json, broken_in json, holes_in json, holes_out json) returns double precision language plpgsql set lock_timeout=6s;
create function track(queue integer, definition text, kept_ms double precision, ids uuid[], enqueued_ms double precision[], ages_ms double precision[], keys text[], contexts text[], inputs text, results text) returns void language plpgsql;
