-- What every replay has done with every dead letter that it looked at. Forward only: this file is never edited once released.
CREATE TABLE dead_letter_replays (
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  kafka_ts timestamptz NOT NULL,
  replay_id text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('replayed', 'already_replayed', 'unfit', 'parked', 'no_origin')),
  code text,
  topic text,
  attempt integer NOT NULL,
  fault text,
  decided_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kafka_partition, kafka_offset, kafka_ts, replay_id)
);
--> statement-breakpoint
CREATE INDEX dead_letter_replays_replay ON dead_letter_replays (replay_id, outcome);
