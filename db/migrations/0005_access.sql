-- Who may call the API, and what they did. A key is stored as its SHA-256 only: 256 random bits need no slow hash.

CREATE TABLE api_keys (
  key_id text NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  role text NOT NULL CHECK (role IN ('viewer', 'analyst', 'operator', 'admin')),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  requests_per_minute integer CHECK (requests_per_minute > 0),
  created_ts timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_ts timestamptz,
  revoked_ts timestamptz,
  last_used_ts timestamptz,
  rotated_from text REFERENCES api_keys (key_id),
  PRIMARY KEY (key_id)
);
--> statement-breakpoint
CREATE TABLE api_sessions (
  digest bytea NOT NULL CHECK (length(digest) = 32),
  key_id text NOT NULL REFERENCES api_keys (key_id),
  created_ts timestamptz NOT NULL DEFAULT now(),
  expires_ts timestamptz NOT NULL,
  PRIMARY KEY (digest)
);
--> statement-breakpoint
CREATE INDEX api_sessions_expiry ON api_sessions (expires_ts);
--> statement-breakpoint
CREATE TABLE audit_log (
  seq bigint NOT NULL CHECK (seq > 0),
  recorded_ts timestamptz NOT NULL,
  actor text NOT NULL,
  actor_name text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'denied')),
  request_id text NOT NULL,
  before jsonb,
  after jsonb,
  previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (seq)
);
--> statement-breakpoint
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is insert-only' USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE TRIGGER audit_log_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
