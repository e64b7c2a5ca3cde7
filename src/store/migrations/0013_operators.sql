-- Who operates: users, how they sign in, their sessions, and what they did.

create table {schema}.operator_user (
  name text collate "C" primary key,
  role text not null check (role in ('observer', 'operator', 'administrator')),
  -- Sees items of this access group alone; null: of all.
  access_group text,
  -- scrypt, with its parameters and salt in it; null: does not sign in with a password.
  password text,
  created_at timestamptz not null,
  -- Rows stay: the audit names them.
  disabled_at timestamptz
);

create table {schema}.operator_session (
  -- For lists. It opens nothing.
  id text collate "C" primary key,
  -- SHA-256 of what the cookie holds.
  digest bytea not null unique check (octet_length(digest) = 32),
  -- As in the audit.
  operator text not null,
  name text not null,
  -- Whose role and access group count, as they are now; null: those of the session do.
  user_name text collate "C" references {schema}.operator_user (name),
  role text check (role in ('observer', 'operator', 'administrator')),
  access_group text,
  -- How it began: password, link, or an issuer.
  via text not null,
  created_at timestamptz not null,
  -- Kept to a minute, so that a request is no write.
  seen_at timestamptz not null,
  -- However much is asked.
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check ((user_name is null) = (role is not null))
);
-- For the list, and for what is over to go.
create index operator_session_end on {schema}.operator_session (expires_at, id);
create index operator_session_user on {schema}.operator_session (user_name) where user_name is not null;

create table {schema}.operator_link (
  -- SHA-256 of the token in the link.
  digest bytea primary key check (octet_length(digest) = 32),
  id text not null,
  role text not null check (role in ('observer', 'operator', 'administrator')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index operator_link_end on {schema}.operator_link (expires_at);

-- When somebody last tried to sign in to an account, so that guesses are counted over all nodes.
create table {schema}.sign_in_attempt (
  -- SHA-256 of the name: what is typed where a name belongs may be a password.
  account bytea primary key check (octet_length(account) = 32),
  at timestamptz[] not null,
  last_at timestamptz not null
);
create index sign_in_attempt_end on {schema}.sign_in_attempt (last_at);

create table {schema}.operator_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  -- Who: what stays the same, and a name for people.
  operator text not null,
  name text not null,
  act text not null,
  subject text not null,
  subject_id text not null,
  -- JSON.
  before text,
  after text,
  reason text,
  -- By what: session, key, token, cli, code.
  via text not null,
  request_id text
);
-- Newest first: all, of an operator, of an act, of a subject.
create index operator_audit_time on {schema}.operator_audit (at, id);
create index operator_audit_operator on {schema}.operator_audit (operator, at, id);
create index operator_audit_act on {schema}.operator_audit (act, at, id);
create index operator_audit_subject on {schema}.operator_audit (subject, subject_id, at, id);

create function {schema}.refuse_audit_change() returns trigger
language plpgsql as $$
begin
  raise exception 'coatcheck: the audit takes new lines only' using errcode = 'CC030';
end $$;
create trigger operator_audit_append_only
before update or delete or truncate on {schema}.operator_audit
for each statement execute function {schema}.refuse_audit_change();

-- For the list of keys, page by page.
create index api_key_age on {schema}.api_key (created_at, id);
