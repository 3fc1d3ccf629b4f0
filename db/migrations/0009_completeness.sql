-- What became of the records of each partition and minute, counted with the checkpoints: accepted + duplicate + late + dead.
-- clock says what the minute is of: the event's own time, or, for a record without a time that can be used, Kafka's.
CREATE TABLE minute_counts (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  clock text NOT NULL CHECK (clock IN ('event', 'append')),
  minute timestamptz NOT NULL,
  accepted bigint NOT NULL DEFAULT 0,
  duplicate bigint NOT NULL DEFAULT 0,
  late bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, kafka_partition, clock, minute)
);
--> statement-breakpoint

-- What producers say they have had acknowledged, each under a source of its own: the other side of the equation.
CREATE TABLE produced_counts (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  clock text NOT NULL CHECK (clock IN ('event', 'append')),
  minute timestamptz NOT NULL,
  source text NOT NULL,
  records bigint NOT NULL CHECK (records >= 0),
  reported_ts timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition, clock, minute, source)
);
--> statement-breakpoint

-- first_offset: where counting began; what came before this release is taken for complete. void_offsets: offsets that hold no
-- record, as markers of transactions. minutes_from: minutes of event time before it are not kept.
ALTER TABLE detector_checkpoints
  ADD COLUMN first_offset bigint NOT NULL DEFAULT 0,
  ADD COLUMN void_offsets bigint NOT NULL DEFAULT 0,
  ADD COLUMN minutes_from timestamptz;
--> statement-breakpoint
UPDATE detector_checkpoints c
   SET first_offset = c.next_offset - c.accepted - c.duplicate - c.late - c.dead
     - (SELECT coalesce(sum(g.to_offset - g.from_offset), 0) FROM data_gaps g
         WHERE g.topic = c.topic AND g.kafka_partition = c.kafka_partition AND g.cause = 'retention');
