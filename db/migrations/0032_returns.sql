-- Returns are purchases of a negative quantity. Revenue stays what was sold (gross); what was returned is beside it.
ALTER TABLE daily_metrics
  ADD COLUMN returns bigint NOT NULL DEFAULT 0,
  ADD COLUMN units_returned bigint NOT NULL DEFAULT 0,
  ADD COLUMN returned jsonb NOT NULL DEFAULT '{}';
