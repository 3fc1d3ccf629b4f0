-- Detection: what the detector writes, and what it resumes from. Forward only: this file is never edited once released.

CREATE TABLE rules (
  rule_id text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  kind text NOT NULL,
  state text NOT NULL CHECK (state IN ('draft', 'shadow', 'active', 'retired')),
  parameters jsonb NOT NULL,
  created_ts timestamptz NOT NULL DEFAULT now(),
  state_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (rule_id, version)
);
--> statement-breakpoint
CREATE UNIQUE INDEX rules_one_active ON rules (rule_id) WHERE state = 'active';
--> statement-breakpoint
CREATE UNIQUE INDEX rules_one_shadow ON rules (rule_id) WHERE state = 'shadow';
--> statement-breakpoint
INSERT INTO rules (rule_id, version, kind, state, parameters) VALUES
  ('HIGH_FREQUENCY', 1, 'HIGH_FREQUENCY', 'active', '{"windowMs": 10000, "slideMs": 10000, "minEvents": 50}'),
  ('BOT_LIKE', 1, 'BOT_LIKE', 'active', '{"windowMs": 60000, "slideMs": 10000, "minEvents": 120, "maxDistinctItems": 3}');
--> statement-breakpoint

-- One row per (session, rule, window start) and mode. No default partition: a missing day is made on demand.
CREATE TABLE anomaly_sessions (
  session_id text NOT NULL,
  user_id text,
  rule_id text NOT NULL,
  rule_version integer NOT NULL,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  event_count integer NOT NULL,
  distinct_items integer NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'confirmed', 'retracted')),
  mode text NOT NULL CHECK (mode IN ('active', 'shadow')),
  evidence jsonb NOT NULL,
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  first_offset bigint NOT NULL,
  last_offset bigint NOT NULL,
  as_of_offset bigint NOT NULL,
  produced_ts timestamptz NOT NULL,
  kafka_ts timestamptz NOT NULL,
  detected_ts timestamptz NOT NULL,
  db_write_ts timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (window_start, session_id, rule_id, mode),
  CHECK (window_end > window_start)
) PARTITION BY RANGE (window_start);
--> statement-breakpoint
CREATE INDEX anomaly_sessions_session ON anomaly_sessions (session_id, window_start DESC);
--> statement-breakpoint

-- A day's partition is built beside the table and attached: attaching locks less than CREATE ... PARTITION OF.
CREATE FUNCTION ensure_anomaly_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  name text := 'anomaly_sessions_' || to_char(day, 'YYYYMMDD');
  from_ts timestamptz := day::timestamp AT TIME ZONE 'UTC';
  to_ts timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
  IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE c.relname = name AND i.inhparent = 'anomaly_sessions'::regclass) THEN
    RETURN false;
  END IF;
  -- to_regclass would answer from a cache that waiting for this lock does not refresh; the catalog is read afresh.
  PERFORM pg_advisory_xact_lock(hashtext('anomaly_sessions'), to_char(day, 'YYYYMMDD')::integer);
  IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE c.relname = name AND i.inhparent = 'anomaly_sessions'::regclass) THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE anomaly_sessions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  EXECUTE format('ALTER TABLE %I ADD CONSTRAINT day_bounds CHECK (window_start >= %L AND window_start < %L)', name, from_ts, to_ts);
  EXECUTE format('ALTER TABLE anomaly_sessions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, from_ts, to_ts);
  EXECUTE format('ALTER TABLE %I DROP CONSTRAINT day_bounds', name);
  RETURN true;
END $$;
--> statement-breakpoint

-- Where each partition of the log resumes. owner_epoch fences: taking a partition raises it, and a commit with an old
-- epoch, or from an offset that is no longer the stored one, changes nothing.
CREATE TABLE detector_checkpoints (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  owner_epoch bigint NOT NULL,
  owner text NOT NULL,
  next_offset bigint NOT NULL,
  watermark timestamptz,
  head bytea,
  accepted bigint NOT NULL DEFAULT 0,
  duplicate bigint NOT NULL DEFAULT 0,
  late bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition)
);
--> statement-breakpoint

-- The detection state between two checkpoints, as what changed in it. A piece is dropped when all in it has expired,
-- or when a full one replaces it.
CREATE TABLE detector_state_pieces (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  next_offset bigint NOT NULL,
  is_full boolean NOT NULL,
  expires_at timestamptz NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (topic, kafka_partition, next_offset)
);
--> statement-breakpoint
ALTER TABLE detector_state_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;
--> statement-breakpoint

-- Which rule versions decide, from which offset of which partition on. A replay of the log reads it.
CREATE TABLE detector_rule_changes (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  from_offset bigint NOT NULL,
  rules jsonb NOT NULL,
  recorded_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, from_offset)
);
--> statement-breakpoint

-- Offsets that Kafka no longer had when they were asked for: never a silent skip.
CREATE TABLE data_gaps (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  from_offset bigint NOT NULL,
  to_offset bigint NOT NULL,
  detected_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, from_offset),
  CHECK (to_offset > from_offset)
);
--> statement-breakpoint

-- One row per run of a batch workflow.
CREATE TABLE pipeline_runs (
  workflow_id text NOT NULL,
  run_id text NOT NULL,
  workflow_type text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  started_ts timestamptz NOT NULL,
  ended_ts timestamptz,
  details jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (workflow_id, run_id)
);
