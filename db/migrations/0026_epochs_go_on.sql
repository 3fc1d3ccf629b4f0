-- The highest epoch that an owner of a partition had in the logs before: those of a new log are higher, so that none of them comes back.
ALTER TABLE topic_logs ADD COLUMN detector_epoch bigint NOT NULL DEFAULT 0;
