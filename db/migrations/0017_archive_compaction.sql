-- Small files of a day are put together into larger ones. The fence tells the last attempt at a day from those before it: only
-- that one may change the manifest.
CREATE TABLE archive_compactions (
  dataset text NOT NULL CHECK (dataset IN ('clicks', 'purchases')),
  event_day date NOT NULL,
  fence bigint NOT NULL,
  updated_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (dataset, event_day)
);
--> statement-breakpoint

-- Files whose rows are in a larger file by now. They stay for a time, because whoever asked the manifest before may read them.
CREATE TABLE archive_superseded_files (
  path text NOT NULL PRIMARY KEY,
  superseded_by text NOT NULL,
  superseded_ts timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE INDEX archive_superseded_files_ts ON archive_superseded_files (superseded_ts);
