import { readWatermarks } from '../../db/read-models/stats.js'
import { errorLine } from '../cli-error.js'
import type { Terminal } from '../terminal.js'
import { withDatabase } from '../with-database.js'
import { isGiven } from '../../platform/variable-text.js'

/** What the detector will refuse, of what is sent. */
export interface RefusedEvents {
  /** Takes one event that is sent. */
  readonly count: (partition: number, eventMs: number, readToMs: number | undefined) => void
  /** Older than its partition's watermark, and not read before: it goes to the late topic and raises nothing. */
  readonly late: () => number
  /** Older than its partition's watermark and part of what was ingested before: it has been counted. */
  readonly repeated: () => number
  /** False when no database says how far the partitions are. */
  readonly isKnown: boolean
}

/** Compares what is sent with the partitions' watermarks as they are now. They only rise: what is late now stays late. */
export async function watchRefused(topic: string | undefined, terminal: Terminal): Promise<RefusedEvents> {
  const watermarks = await watermarksOf(topic, terminal)
  let [late, repeated] = [0, 0]
  return {
    count: (partition, eventMs, readToMs) => {
      const watermark = watermarks?.get(partition)
      if (watermark === undefined || eventMs >= watermark.getTime()) return
      if (readToMs !== undefined && eventMs <= readToMs) repeated++
      else late++
    },
    late: () => late,
    repeated: () => repeated,
    isKnown: watermarks !== undefined,
  }
}

async function watermarksOf(
  topic: string | undefined,
  terminal: Terminal,
): Promise<ReadonlyMap<number, Date> | undefined> {
  if (topic === undefined || !isGiven('DATABASE_URL', terminal.env)) return undefined
  try {
    return await withDatabase(terminal, (db) => readWatermarks(db, topic))
  } catch (error) {
    terminal.say(`whether events are late is not known: ${errorLine(error)}`)
    return undefined
  }
}
