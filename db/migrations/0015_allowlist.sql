-- Whose anomalies are not acted on, for how long, and why. An entry is ended, never removed. Forward only.
CREATE TABLE allowlist_entries (
  entry_id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('session', 'user', 'address', 'user_agent')),
  value text NOT NULL,
  -- Of the kind address.
  address_range cidr,
  reason text NOT NULL,
  created_by text NOT NULL,
  created_ts timestamptz NOT NULL DEFAULT now(),
  starts_ts timestamptz NOT NULL,
  ends_ts timestamptz NOT NULL,
  CHECK (ends_ts > starts_ts),
  CHECK ((kind = 'address') = (address_range IS NOT NULL))
);
--> statement-breakpoint
CREATE INDEX allowlist_entries_value ON allowlist_entries (kind, value);
--> statement-breakpoint
CREATE INDEX allowlist_entries_end ON allowlist_entries (ends_ts DESC, entry_id DESC);
