-- Requests that may be repeated, and what was answered: json keeps the bytes, jsonb would not.
CREATE TABLE idempotency_keys (
  key_id text NOT NULL,
  idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  created_ts timestamptz NOT NULL DEFAULT now(),
  answered_ts timestamptz,
  answer json,
  PRIMARY KEY (key_id, idempotency_key)
);
--> statement-breakpoint
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_ts);
