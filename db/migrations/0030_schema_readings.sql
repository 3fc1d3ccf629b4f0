-- From which offset on records of a schema id are read in a partition. An id that the registry does not have when its records
-- are read makes them dead letters; which ones is decided here once, for detector and archiver alike.
CREATE TABLE schema_readings (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  log integer NOT NULL DEFAULT 1,
  schema_id bigint NOT NULL,
  -- Records before it are dead letters.
  refused_to bigint NOT NULL DEFAULT 0,
  -- Records from here on are read; null while the registry does not have the id.
  read_from bigint,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, log, schema_id)
);
