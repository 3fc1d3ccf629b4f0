-- The archive: which Parquet files there are, and where each partition of the log goes on. A file that no row of
-- archive_files names does not exist.
CREATE TABLE archive_checkpoints (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  owner_epoch bigint NOT NULL,
  owner text NOT NULL,
  next_offset bigint NOT NULL,
  -- The highest event time that is archived, but never after the log append time of its event.
  event_high timestamptz,
  archived bigint NOT NULL DEFAULT 0,
  invalid bigint NOT NULL DEFAULT 0,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition)
);
--> statement-breakpoint

CREATE TABLE archive_files (
  path text NOT NULL PRIMARY KEY,
  dataset text NOT NULL CHECK (dataset IN ('clicks', 'purchases')),
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  owner_epoch bigint NOT NULL,
  first_day date NOT NULL,
  last_day date NOT NULL,
  first_offset bigint NOT NULL,
  last_offset bigint NOT NULL,
  row_count bigint NOT NULL CHECK (row_count > 0),
  byte_count bigint NOT NULL,
  created_ts timestamptz NOT NULL DEFAULT now(),
  CHECK (last_day >= first_day)
);
--> statement-breakpoint
CREATE INDEX archive_files_days ON archive_files (first_day, last_day);
--> statement-breakpoint

-- What is archived of a day. The version goes up with each roll that adds to it: figures made of an older one are stale.
CREATE TABLE archive_days (
  dataset text NOT NULL CHECK (dataset IN ('clicks', 'purchases')),
  event_day date NOT NULL,
  row_count bigint NOT NULL,
  version bigint NOT NULL,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (dataset, event_day)
);
--> statement-breakpoint

-- Offsets that Kafka no longer had when they were to be archived.
CREATE TABLE archive_gaps (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  from_offset bigint NOT NULL,
  to_offset bigint NOT NULL,
  detected_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, from_offset),
  CHECK (to_offset > from_offset)
);
