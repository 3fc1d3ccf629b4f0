-- Rows of the archive by quarter of an hour of event time: a day of a shop's own time zone begins at one, and none of its neighbours'
-- late data makes it stale. What was archived before is only in archive_days.
CREATE TABLE archive_slots (
  dataset text NOT NULL CHECK (dataset IN ('clicks', 'purchases')),
  slot_start timestamptz NOT NULL,
  row_count bigint NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (dataset, slot_start)
);
--> statement-breakpoint
CREATE INDEX archive_slots_times ON archive_slots (slot_start);
--> statement-breakpoint

-- In which time zone a day was computed, and from when to when: figures of two zones are never taken for one another.
ALTER TABLE kpi_days ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC', ADD COLUMN day_start timestamptz,
  ADD COLUMN day_end timestamptz;
