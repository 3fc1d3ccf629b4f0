import pg from 'pg'

/** Forgets results and checkpoints, so that the next detector begins at the beginning of the log. */
export async function emptyResults(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      'TRUNCATE detector_checkpoints, detector_state_pieces, detector_rule_changes, data_gaps, minute_counts, produced_counts, anomaly_sessions',
    )
  } finally {
    await client.end()
  }
}
