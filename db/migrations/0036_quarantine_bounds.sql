-- Records that were archived before there were bounds on quantities and amounts.
ALTER TABLE kpi_quarantine DROP CONSTRAINT kpi_quarantine_reason_check, ADD CONSTRAINT kpi_quarantine_reason_check
  CHECK (reason IN ('MISSING_FIELD', 'UNKNOWN_EVENT_TYPE', 'OUT_OF_BOUNDS', 'REVENUE_OVERFLOW', 'UNITS_OVERFLOW'));
