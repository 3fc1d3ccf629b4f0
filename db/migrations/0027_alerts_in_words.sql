-- Alerts say in words what happened, and a silence that ends says what it swallowed.
ALTER TABLE alert_history ADD COLUMN summary text NOT NULL DEFAULT '', ADD COLUMN sample text,
  ADD COLUMN first_step text NOT NULL DEFAULT '';
--> statement-breakpoint
ALTER TABLE alert_history DROP CONSTRAINT alert_history_kind_check,
  ADD CONSTRAINT alert_history_kind_check CHECK (kind IN ('firing', 'recovered', 'summary'));
--> statement-breakpoint
ALTER TABLE alert_history DROP CONSTRAINT alert_history_suppressed_by_check,
  ADD CONSTRAINT alert_history_suppressed_by_check
  CHECK (suppressed_by IN ('window', 'flapping', 'silence', 'maintenance', 'not_announced', 'no_channel'));
--> statement-breakpoint

-- Silences whose end was looked at: what they swallowed was summed up, if anything.
CREATE TABLE alert_silence_summaries (
  silence_id text PRIMARY KEY,
  decided_ts timestamptz NOT NULL
);
--> statement-breakpoint
CREATE INDEX alert_silence_summaries_time ON alert_silence_summaries (decided_ts);
--> statement-breakpoint
INSERT INTO alert_silence_summaries (silence_id, decided_ts) SELECT s.silence_id, now() FROM alert_silences s WHERE s.ends_ts <= now();
