import { MinuteReport, type ProducedRecord } from '../db/minute-report.js'
import { openPool } from '../db/pool.js'
import { poolSettings } from '../db/pool-settings.js'
import { loadConfig } from '../platform/config.js'
import type { Part } from '../platform/lifecycle.js'
import { isGiven } from '../platform/variable-text.js'
import type { Terminal } from './terminal.js'

/** Counts, by minute, what Kafka has acknowledged, and tells the database. */
export interface ProducedReport {
  acknowledged(records: readonly ProducedRecord[]): void
}

const REPORT_EVERY_MS = 1_000

/**
 * Reports to the database of `DATABASE_URL`; where none is named, nobody is told. A report that fails is tried again with the
 * next, and never stands in the way of sending.
 * @param source names this run and no other
 */
export async function openProducedReport(source: string, { env, log, say }: Terminal): Promise<Part<ProducedReport>> {
  if (!isGiven('DATABASE_URL', env)) return { value: { acknowledged: () => undefined }, stop: () => Promise.resolve() }
  const config = loadConfig(
    ['DATABASE_URL', 'PG_CONNECT_TIMEOUT_MS', 'PG_STATEMENT_TIMEOUT_MS', 'PG_LOCK_TIMEOUT_MS'],
    env,
  )
  const pool = await openPool(poolSettings({ ...config, PG_POOL_MAX: 1 }, 'guardian-cli'), log)
  const report = new MinuteReport(pool.value, source)
  const tell = () => report.tell().catch((err: unknown) => log.warn({ err }, 'produced_counts_not_reported'))
  const timer = setInterval(() => void tell(), REPORT_EVERY_MS)
  const stop = async () => {
    clearInterval(timer)
    try {
      await report.tell()
    } catch (err) {
      log.warn({ err }, 'produced_counts_not_reported')
      say('what was sent could not be told to the database: it will seem that nobody has counted it')
    } finally {
      await pool.stop()
    }
  }
  return { value: report, stop }
}
