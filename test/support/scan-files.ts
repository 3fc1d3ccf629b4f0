import { Command } from 'commander'
import { Readable } from 'node:stream'
import { readLogs } from '../../cli/ingest/log-merge.js'
import { addLogOptions, readLogOptions, type LogWords } from '../../cli/ingest/log-options.js'
import { LogReading, type LogCounts } from '../../cli/ingest/log-reading.js'
import { openLog } from '../../cli/ingest/log-source.js'
import { serverNameOf } from '../../cli/ingest/server-name.js'
import { reportOf, type ScanReport } from '../../cli/scan/scan-report.js'
import { DEFAULT_RULES } from '../../cli/scan/scan-rules.js'
import { Scan } from '../../cli/scan/scan.js'

export interface ScannedFiles {
  readonly counts: LogCounts
  readonly sessions: number
  readonly report: ScanReport
}

/** Scans files as `guardian scan` does with these options, without a process for each. */
export async function scanFiles(files: readonly string[], args: readonly string[]): Promise<ScannedFiles> {
  const words = addLogOptions(new Command()).parse(args, { from: 'user' }).opts<LogWords>()
  const options = await readLogOptions(words)
  const policy = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
  const scan = new Scan({ rules: DEFAULT_RULES, policy, partitions: 4, isDeclaredBot: () => false })
  const reading = new LogReading({
    ...options,
    now: () => Date.now(),
    onRejected: () => undefined,
    onClick: (click, _entry, session) => scan.take(click, session),
  })
  const inputs = await Promise.all(
    files.map(async (file) => ({
      source: await openLog(file, Readable.from([])),
      log: reading.file({ file, server: options.server ?? serverNameOf(file), format: options.format }),
    })),
  )
  const afterPiece = (newestMs: number) => {
    reading.release(newestMs)
    return Promise.resolve()
  }
  const end = await readLogs(inputs, { signal: new AbortController().signal, afterPiece, onIdle: undefined })
  if (end.kind !== 'end') throw new Error(`${files.join(', ')} could not be read to the end`)
  reading.flush()
  scan.finish()
  return { counts: reading.counts, sessions: reading.sessions, report: reportOf(scan, reading, () => false) }
}
