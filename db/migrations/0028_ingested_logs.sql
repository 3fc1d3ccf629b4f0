-- Access logs that were ingested, by the hash of their first line: a renamed file is the same log, and its events have the
-- same ids.
CREATE TABLE ingested_logs (
  topic text NOT NULL,
  server text NOT NULL,
  head_hash text NOT NULL CHECK (length(head_hash) = 64),
  host text NOT NULL,
  path text NOT NULL,
  read_to_ts timestamptz NOT NULL,
  first_read_ts timestamptz NOT NULL DEFAULT now(),
  last_read_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, server, head_hash)
);
