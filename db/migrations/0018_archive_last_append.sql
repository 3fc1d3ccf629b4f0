-- The highest log append time of the records behind next_offset, as detector_checkpoints has it: a log under the same name that
-- was made anew holds later ones in front of that offset.
ALTER TABLE archive_checkpoints ADD COLUMN last_append_ts timestamptz;
