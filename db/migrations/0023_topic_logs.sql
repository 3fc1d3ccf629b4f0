-- Which log a topic has under its name: 1, and one more each time that it was made anew. Its offsets begin again with each.
CREATE TABLE topic_logs (
  topic text NOT NULL PRIMARY KEY,
  log integer NOT NULL CHECK (log > 0),
  began_ts timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
ALTER TABLE archive_files ADD COLUMN log integer NOT NULL DEFAULT 1;
--> statement-breakpoint
CREATE INDEX archive_files_log ON archive_files (topic, kafka_partition, log, first_offset);
--> statement-breakpoint
ALTER TABLE detector_rule_changes ADD COLUMN log integer NOT NULL DEFAULT 1;
--> statement-breakpoint
ALTER TABLE detector_rule_changes DROP CONSTRAINT detector_rule_changes_pkey,
  ADD PRIMARY KEY (topic, kafka_partition, log, from_offset);
