-- The figures of a day, keyed by day and traffic. A day is replaced in one transaction: a reader sees the old or the new.
CREATE TABLE daily_metrics (
  day date NOT NULL,
  traffic text NOT NULL CHECK (traffic IN ('all', 'clean', 'flagged')),
  events bigint NOT NULL,
  sessions bigint NOT NULL,
  users bigint NOT NULL,
  page_views bigint NOT NULL,
  item_views bigint NOT NULL,
  add_to_carts bigint NOT NULL,
  remove_from_carts bigint NOT NULL,
  checkouts bigint NOT NULL,
  purchases bigint NOT NULL,
  orders bigint NOT NULL,
  units_sold bigint NOT NULL,
  buying_sessions bigint NOT NULL,
  session_ms bigint NOT NULL,
  -- Minor units by currency.
  revenue jsonb NOT NULL,
  PRIMARY KEY (day, traffic)
);
--> statement-breakpoint
CREATE TABLE popular_items (
  day date NOT NULL,
  traffic text NOT NULL CHECK (traffic IN ('all', 'clean', 'flagged')),
  ranking text NOT NULL CHECK (ranking IN ('views', 'carts', 'purchases')),
  place integer NOT NULL CHECK (place > 0),
  item_id text NOT NULL,
  amount bigint NOT NULL,
  PRIMARY KEY (day, traffic, ranking, place)
);
--> statement-breakpoint
CREATE TABLE conversion_funnel (
  day date NOT NULL,
  traffic text NOT NULL CHECK (traffic IN ('all', 'clean', 'flagged')),
  step text NOT NULL CHECK (step IN ('viewed', 'carted', 'checked_out', 'purchased')),
  sessions bigint NOT NULL,
  PRIMARY KEY (day, traffic, step)
);
--> statement-breakpoint

-- One row per day that was ever computed. The fence goes up with each attempt: only the last one may publish.
CREATE TABLE kpi_days (
  day date PRIMARY KEY,
  fence bigint NOT NULL,
  published_fence bigint,
  published_ts timestamptz,
  archive_version bigint,
  archived_rows bigint,
  flagged_sessions bigint,
  flagged_digest text,
  changes jsonb
);
--> statement-breakpoint

-- Figures that were computed and not published yet, by the fence of their attempt.
CREATE TABLE kpi_staging (
  day date NOT NULL,
  fence bigint NOT NULL,
  figures jsonb NOT NULL,
  inputs jsonb NOT NULL,
  staged_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (day, fence)
);
--> statement-breakpoint

-- The highest event time in a file, but never after the log append time of its event: what the watermark follows.
ALTER TABLE archive_files ADD COLUMN event_high timestamptz NOT NULL DEFAULT 'epoch';
--> statement-breakpoint

-- How the anomalies of a day compare with those that the archive gives, as of the last time that it was asked.
CREATE TABLE reconciliations (
  day date PRIMARY KEY,
  expected_rows bigint NOT NULL,
  stored_rows bigint NOT NULL,
  missing bigint NOT NULL,
  extra bigint NOT NULL,
  different bigint NOT NULL,
  reconciled_ts timestamptz NOT NULL
);
--> statement-breakpoint
CREATE TABLE reconciliation_differences (
  day date NOT NULL,
  kind text NOT NULL CHECK (kind IN ('missing', 'extra', 'different')),
  session_id text NOT NULL,
  rule_id text NOT NULL,
  mode text NOT NULL,
  window_start timestamptz NOT NULL,
  expected jsonb,
  stored jsonb,
  PRIMARY KEY (day, window_start, session_id, rule_id, mode)
);
