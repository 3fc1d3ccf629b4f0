-- Records that are not on the partition of their session, or have no key, by who sent them; and the sessions that they are of.
CREATE TABLE misplaced_sources (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  source text NOT NULL,
  misplaced bigint NOT NULL DEFAULT 0,
  keyless bigint NOT NULL DEFAULT 0,
  last_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, source)
);
--> statement-breakpoint
CREATE TABLE misplaced_sessions (
  session_id text NOT NULL,
  topic text NOT NULL,
  -- Where they are, and do not belong.
  kafka_partition integer NOT NULL,
  records bigint NOT NULL,
  first_event timestamptz NOT NULL,
  last_event timestamptz NOT NULL,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (session_id, topic, kafka_partition)
);
--> statement-breakpoint
CREATE INDEX misplaced_sessions_by_partition ON misplaced_sessions (topic, kafka_partition);
--> statement-breakpoint
-- How many partitions the topic has had, each from an offset on: [{"partitions": 4, "fromOffset": 0}].
ALTER TABLE detector_checkpoints ADD COLUMN partition_counts jsonb NOT NULL DEFAULT '[]';
