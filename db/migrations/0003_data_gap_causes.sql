-- Offsets can also be passed over because the batch that holds them cannot be read: why each range was not read.
ALTER TABLE data_gaps ADD COLUMN cause text NOT NULL DEFAULT 'retention'
  CHECK (cause IN ('retention', 'too_large', 'undecodable'));
