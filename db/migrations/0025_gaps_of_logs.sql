-- A topic that is made anew begins again at offset 0: its gaps are not those of the log before.
ALTER TABLE data_gaps ADD COLUMN log integer NOT NULL DEFAULT 1;
--> statement-breakpoint
ALTER TABLE data_gaps DROP CONSTRAINT data_gaps_pkey, ADD PRIMARY KEY (topic, kafka_partition, log, from_offset);
--> statement-breakpoint
ALTER TABLE archive_gaps ADD COLUMN log integer NOT NULL DEFAULT 1;
--> statement-breakpoint
ALTER TABLE archive_gaps DROP CONSTRAINT archive_gaps_pkey, ADD PRIMARY KEY (topic, kafka_partition, log, from_offset);
