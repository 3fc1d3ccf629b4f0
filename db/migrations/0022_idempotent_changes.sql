-- When the request under a key made its change: written in the transaction of the change, so that it is never made twice.
ALTER TABLE idempotency_keys ADD COLUMN changed_ts timestamptz;
