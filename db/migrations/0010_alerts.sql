-- Alerts: what was decided, what is remembered, what is to be delivered. Forward only: this file is never edited once released.

-- One row per look that saw a cause, sent or not. A row is never changed.
CREATE TABLE alert_history (
  alert_id text PRIMARY KEY,
  look_id text NOT NULL,
  fingerprint text NOT NULL,
  source text NOT NULL,
  cause text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('firing', 'recovered')),
  severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
  outcome text NOT NULL CHECK (outcome IN ('sent', 'suppressed')),
  suppressed_by text CHECK (suppressed_by IN ('window', 'flapping', 'silence', 'maintenance', 'not_announced')),
  suppressed_by_id text,
  incident_id text NOT NULL,
  decided_ts timestamptz NOT NULL,
  event_count bigint NOT NULL CHECK (event_count >= 0),
  swallowed_alerts bigint NOT NULL CHECK (swallowed_alerts >= 0),
  swallowed_count bigint NOT NULL CHECK (swallowed_count >= 0),
  figures jsonb NOT NULL DEFAULT '{}',
  links jsonb NOT NULL DEFAULT '[]',
  CHECK ((outcome = 'suppressed') = (suppressed_by IS NOT NULL))
);
--> statement-breakpoint
CREATE INDEX alert_history_time ON alert_history (decided_ts DESC, alert_id DESC);
--> statement-breakpoint
CREATE INDEX alert_history_fingerprint ON alert_history (fingerprint, decided_ts DESC);
--> statement-breakpoint
CREATE INDEX alert_history_suppressed_by ON alert_history (suppressed_by_id, decided_ts DESC) WHERE suppressed_by_id IS NOT NULL;
--> statement-breakpoint

-- What is remembered of a fingerprint between two looks: written in the transaction that writes its history.
CREATE TABLE alert_states (
  fingerprint text PRIMARY KEY,
  source text NOT NULL,
  cause text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
  incident_id text,
  last_seen_ts timestamptz NOT NULL,
  sent jsonb NOT NULL DEFAULT '{}',
  is_announced boolean NOT NULL DEFAULT false,
  swallowed_alerts bigint NOT NULL DEFAULT 0,
  swallowed_count bigint NOT NULL DEFAULT 0
);
--> statement-breakpoint

-- Looks that are decided: the same look is not decided twice.
CREATE TABLE alert_looks (
  look_id text PRIMARY KEY,
  decided_ts timestamptz NOT NULL,
  details jsonb NOT NULL DEFAULT '{}'
);
--> statement-breakpoint
CREATE INDEX alert_looks_time ON alert_looks (decided_ts);
--> statement-breakpoint

CREATE TABLE alert_silences (
  silence_id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
  matcher text NOT NULL,
  up_to text NOT NULL CHECK (up_to IN ('warning', 'critical')),
  starts_ts timestamptz NOT NULL,
  ends_ts timestamptz NOT NULL,
  reason text NOT NULL,
  created_by text NOT NULL,
  created_ts timestamptz NOT NULL DEFAULT now(),
  CHECK (ends_ts > starts_ts)
);
--> statement-breakpoint
CREATE INDEX alert_silences_end ON alert_silences (ends_ts DESC);
--> statement-breakpoint

-- One row per alert and channel, stored with the alert: the key is there before anything is sent. claim_token fences:
-- an attempt that was overtaken changes nothing.
CREATE TABLE alert_deliveries (
  alert_id text NOT NULL REFERENCES alert_history (alert_id) ON DELETE CASCADE,
  channel text NOT NULL CHECK (channel IN ('slack', 'email')),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  unknown_attempts integer NOT NULL DEFAULT 0,
  claim_token text,
  claimed_until timestamptz,
  created_ts timestamptz NOT NULL,
  ended_ts timestamptz,
  last_fault text,
  PRIMARY KEY (alert_id, channel)
);
--> statement-breakpoint
CREATE INDEX alert_deliveries_open ON alert_deliveries (created_ts) WHERE state IN ('pending', 'sending');
--> statement-breakpoint

-- Which channels the orchestrator was given, as it said at its last start.
CREATE TABLE alert_channels (
  channel text PRIMARY KEY CHECK (channel IN ('slack', 'email')),
  is_configured boolean NOT NULL,
  reported_ts timestamptz NOT NULL
);
--> statement-breakpoint

-- Up to where the dead letters have been counted.
CREATE TABLE dead_letter_cursors (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  next_offset bigint NOT NULL,
  counted bigint NOT NULL DEFAULT 0,
  updated_ts timestamptz NOT NULL,
  PRIMARY KEY (topic, kafka_partition)
);
--> statement-breakpoint

-- Up to when each source has been watched that tells of single happenings.
CREATE TABLE alert_watches (
  source text PRIMARY KEY,
  watched_until timestamptz NOT NULL
);
