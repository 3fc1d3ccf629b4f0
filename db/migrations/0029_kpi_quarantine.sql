-- Records that the figures of their day leave out: they lack a field that a figure needs, or a sum cannot hold them. A person
-- decides: released, they count from the next run on; dropped, they never do.
CREATE TABLE kpi_quarantine (
  dataset text NOT NULL CHECK (dataset IN ('clicks', 'purchases')),
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  event_ts timestamptz NOT NULL,
  topic text NOT NULL,
  day date NOT NULL,
  event_id text NOT NULL,
  session_id text NOT NULL,
  source text,
  reason text NOT NULL CHECK (reason IN ('MISSING_FIELD', 'UNKNOWN_EVENT_TYPE', 'REVENUE_OVERFLOW', 'UNITS_OVERFLOW')),
  field text,
  fields jsonb NOT NULL,
  -- |quantity * unit price|, in minor units.
  amount numeric,
  found_ts timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'quarantined' CHECK (state IN ('quarantined', 'released', 'dropped')),
  decided_ts timestamptz,
  decided_by text,
  decided_by_name text,
  comment text,
  PRIMARY KEY (dataset, kafka_partition, kafka_offset, event_ts)
);
--> statement-breakpoint
CREATE INDEX kpi_quarantine_days ON kpi_quarantine (day, dataset, kafka_partition, kafka_offset, event_ts);
--> statement-breakpoint
CREATE INDEX kpi_quarantine_times ON kpi_quarantine (event_ts);
--> statement-breakpoint

-- What the published figures of a day leave out, and how full their sums are: a release has to fit beside them.
ALTER TABLE kpi_days ADD COLUMN released_digest text, ADD COLUMN quarantined_records bigint NOT NULL DEFAULT 0,
  ADD COLUMN dropped_records bigint NOT NULL DEFAULT 0, ADD COLUMN counted_sums jsonb;
