-- An export begins and ends at times.
CREATE INDEX audit_log_recorded ON audit_log (recorded_ts, seq);
