-- The highest log append time of the records behind next_offset. A log under the same name that was made anew holds later
-- ones in front of that offset: by it the two are told apart.
ALTER TABLE detector_checkpoints ADD COLUMN last_append_ts timestamptz;
