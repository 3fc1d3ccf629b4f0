-- What people say of anomalies, and whom they do not want to hear of. Forward only: this file is never edited once released.

-- Every verdict that was ever given; the last one of an anomaly is current. It outlives the anomaly's day partition.
CREATE TABLE anomaly_verdicts (
  window_start timestamptz NOT NULL,
  session_id text NOT NULL,
  rule_id text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('active', 'shadow')),
  version integer NOT NULL CHECK (version > 0),
  verdict text NOT NULL CHECK (verdict IN ('true_positive', 'false_positive', 'undecided')),
  comment text NOT NULL,
  author text NOT NULL,
  author_name text NOT NULL,
  decided_ts timestamptz NOT NULL DEFAULT now(),
  is_current boolean NOT NULL DEFAULT true,
  PRIMARY KEY (window_start, session_id, rule_id, mode, version)
);
--> statement-breakpoint
CREATE UNIQUE INDEX anomaly_verdicts_current ON anomaly_verdicts (window_start, session_id, rule_id, mode) WHERE is_current;
