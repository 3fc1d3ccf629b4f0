-- Rules that are tested on archived days. Forward only: this file is never edited once released.
CREATE TABLE back_tests (
  back_test_id text PRIMARY KEY,
  rule_id text NOT NULL,
  candidate jsonb NOT NULL,
  in_force jsonb,
  from_day date NOT NULL,
  to_day date NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'completed', 'failed')),
  created_by text NOT NULL,
  created_ts timestamptz NOT NULL DEFAULT now(),
  ended_ts timestamptz,
  reason text,
  result jsonb,
  CHECK (to_day >= from_day)
);
--> statement-breakpoint
CREATE INDEX back_tests_time ON back_tests (created_ts DESC, back_test_id DESC);
--> statement-breakpoint

CREATE TABLE back_test_parts (
  back_test_id text NOT NULL REFERENCES back_tests (back_test_id) ON DELETE CASCADE,
  kafka_partition integer NOT NULL,
  records bigint NOT NULL,
  records_read bigint NOT NULL DEFAULT 0,
  result jsonb,
  PRIMARY KEY (back_test_id, kafka_partition)
);
