-- Events under a session and an id that another event has, with other contents: the first one counts. A row for each checkpoint
-- that passed some, kept for a week.
CREATE TABLE event_collisions (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  log integer NOT NULL,
  next_offset bigint NOT NULL,
  events bigint NOT NULL,
  sample_offset bigint NOT NULL,
  detected_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, log, next_offset)
);
