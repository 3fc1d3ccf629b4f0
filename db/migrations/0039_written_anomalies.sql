-- GET /slo and the metrics of the last day ask when anomalies were written, whatever day their window is of. Rows are written in the
-- order of that time, so that a block range index of some pages leaves out nearly all of a day, and costs a write next to nothing.
CREATE INDEX anomaly_sessions_written ON anomaly_sessions USING brin (db_write_ts) WITH (pages_per_range = 16, autosummarize = on);
