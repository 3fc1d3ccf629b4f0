-- Ticks: records that take an idle partition on to a time, and are no events. How many of them each checkpoint has passed.
ALTER TABLE detector_checkpoints ADD COLUMN ticks bigint NOT NULL DEFAULT 0;
--> statement-breakpoint
-- The archive has no rows of them; whoever decides once more by the archive needs when they came, and to what time.
CREATE TABLE archive_ticks (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  log integer NOT NULL,
  kafka_offset bigint NOT NULL,
  -- Event time: the earlier of the tick's time and its log append time.
  tick_ts timestamptz NOT NULL,
  PRIMARY KEY (topic, kafka_partition, log, kafka_offset)
);
