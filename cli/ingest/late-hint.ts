import { TOPICS } from '../../domain/events.js'
import { furthestWatermark } from '../../db/read-models/stats.js'
import { errorLine } from '../cli-error.js'
import type { Terminal } from '../terminal.js'
import { withDatabase } from '../with-database.js'

/**
 * What a person has to know when a log ends before the time that the detector has come to: its events are late, every
 * one, and raise nothing. Undefined when they are not, or when nobody can say because no database is named.
 * @param lastMs time of the log's newest line
 */
export async function lateHint(terminal: Terminal, lastMs: number | undefined): Promise<string | undefined> {
  if (lastMs === undefined || terminal.env['DATABASE_URL'] === undefined) return undefined
  try {
    const watermark = await withDatabase(terminal, (db) => furthestWatermark(db, TOPICS.clicks))
    if (watermark === null || lastMs >= watermark.getTime()) return undefined
    return (
      `the log ends at ${new Date(lastMs).toISOString()}, but the topic has come to ${watermark.toISOString()}: ` +
      'these events are late, go to the late topic and raise no anomalies. To look into an old log, read it into a topic ' +
      'of its own: guardian ingest --fresh FILE'
    )
  } catch (error) {
    return `whether the events are late is not known: ${errorLine(error)}`
  }
}
