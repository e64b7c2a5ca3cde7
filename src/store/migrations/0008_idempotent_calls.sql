-- Calls of immediate services that came with an Idempotency-Key: who runs one, and what it was answered with.
create table {schema}.idempotent_call (
  scope text not null,
  key text not null,
  -- Stands for the payload: the same key with another one is refused.
  digest text not null,
  -- The attempt that runs. Whoever is not named here any more records nothing: its writes roll back.
  holder uuid not null,
  -- Until when its holder has not died; renewed while it runs.
  lease_until timestamptz not null,
  -- JSON, once there is one.
  answer text,
  expires_at timestamptz not null,
  primary key (scope, key)
);
create index idempotent_call_expiry on {schema}.idempotent_call (expires_at);
