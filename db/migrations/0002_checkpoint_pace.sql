-- How fast the owner was between its last two checkpoints: what a backlog's time to clear is estimated from.
ALTER TABLE detector_checkpoints ADD COLUMN records_per_second double precision;
