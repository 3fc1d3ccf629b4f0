-- The evaluation of alerts asks each minute what waits for a decision.
CREATE INDEX kpi_quarantine_waiting ON kpi_quarantine (topic, day) WHERE state = 'quarantined';
