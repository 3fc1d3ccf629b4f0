-- What the detector has done with the dead letters that were sent back. Forward only: this file is never edited once released.
CREATE TABLE dead_letter_fates (
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  kafka_ts timestamptz NOT NULL,
  replay_id text NOT NULL,
  fate text NOT NULL CHECK (fate IN ('recovered', 'late', 'dead_again')),
  code text,
  decided_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kafka_partition, kafka_offset, kafka_ts, replay_id)
);
--> statement-breakpoint
CREATE INDEX dead_letter_fates_replay ON dead_letter_fates (replay_id);
