-- Days of anomaly_sessions that were dropped: their verdicts are gone, so their figures are not computed again.
CREATE TABLE dropped_days (
  day date NOT NULL PRIMARY KEY,
  row_count bigint NOT NULL,
  dropped_ts timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint

-- A day that is being detached is there for nobody: whoever needs it waits and tries again, and then attaches it anew.
CREATE OR REPLACE FUNCTION ensure_anomaly_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  name text := 'anomaly_sessions_' || to_char(day, 'YYYYMMDD');
  from_ts timestamptz := day::timestamp AT TIME ZONE 'UTC';
  to_ts timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
  is_detaching boolean;
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT i.inhdetachpending INTO is_detaching FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE c.relname = name AND i.inhparent = 'anomaly_sessions'::regclass;
    IF is_detaching THEN
      RAISE EXCEPTION 'the partition of % is being detached', day USING ERRCODE = 'lock_not_available';
    END IF;
    IF NOT is_detaching THEN
      RETURN false;
    END IF;
    -- to_regclass would answer from a cache that waiting for this lock does not refresh; the catalog is read afresh.
    PERFORM pg_advisory_xact_lock(hashtext('anomaly_sessions'), to_char(day, 'YYYYMMDD')::integer);
  END LOOP;
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE anomaly_sessions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  EXECUTE format('ALTER TABLE %I ADD CONSTRAINT day_bounds CHECK (window_start >= %L AND window_start < %L)', name, from_ts, to_ts);
  EXECUTE format('ALTER TABLE anomaly_sessions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, from_ts, to_ts);
  EXECUTE format('ALTER TABLE %I DROP CONSTRAINT day_bounds', name);
  RETURN true;
END $$;
