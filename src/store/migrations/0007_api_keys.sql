-- API keys: who may call services over HTTP.

create table {schema}.api_key (
  -- Stands in the key itself, which is how its row is found.
  id text collate "C" primary key,
  name text not null,
  -- SHA-256 of the secret. It is 256 random bits: nobody can guess their way to it, so a slow hash would only cost.
  digest bytea not null check (octet_length(digest) = 32),
  roles text[] not null,
  -- The services it may call, each as application/service; null: all.
  services text[],
  access_group text,
  -- Requests per window in milliseconds; null: as the node says.
  rate_quota int,
  rate_window_ms int,
  created_at timestamptz not null,
  expires_at timestamptz,
  -- Kept to a few minutes, so that a request is no write.
  last_used_at timestamptz,
  -- Rows stay: a list of keys that forgets one cannot answer who called.
  revoked_at timestamptz,
  check ((rate_quota is null) = (rate_window_ms is null))
);
