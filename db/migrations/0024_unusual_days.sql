-- Whether a day's figures were far from what was usual then: the days after it are not compared with it.
ALTER TABLE kpi_days ADD COLUMN is_unusual boolean NOT NULL DEFAULT false;
