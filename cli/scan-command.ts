import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isbot } from 'isbot'
import type { RuleVersion } from '../domain/detection/rule.js'
import { loadConfig } from '../platform/config.js'
import { keepHeapSmall } from '../platform/large-state.js'
import { errorLine, UsageError } from './cli-error.js'
import { readLogs, type LogEnd, type LogInput } from './ingest/log-merge.js'
import { addLogOptions, logFiles, readLogOptions, type LogWords } from './ingest/log-options.js'
import { LogReading, rejectionPrinter } from './ingest/log-reading.js'
import { openLog } from './ingest/log-source.js'
import { describeFormat, formatDocument, readingFault, summary } from './ingest/outcome.js'
import { serverNameOf } from './ingest/server-name.js'
import { startProgress } from './progress.js'
import { htmlReport } from './scan/html-report.js'
import { reportOf, type ScanReport } from './scan/scan-report.js'
import { Scan } from './scan/scan.js'
import { scanRules } from './scan/scan-rules.js'
import { textReport } from './scan/text-report.js'
import { interruption, runCommand, type CommandResult, type Terminal } from './terminal.js'
import { wholeNumber } from './whole-number.js'

interface ScanWords extends LogWords {
  readonly json?: boolean
  readonly html?: string
  readonly rule: readonly string[]
  readonly maxAnomalies: string
}

const EXPLANATION = `
Reads logs of any age and decides them with the detector itself, without Kafka, PostgreSQL or any other server. The anomalies
are those that guardian ingest --fresh would find in the same files. Lines are read, skipped and rejected as ingest does;
docs/inputs.md describes the formats.`

/** `guardian scan`: what the rules find in access logs, without any server. */
export const scanCommand = (): Command =>
  addLogOptions(
    new Command('scan')
      .description('find abnormal sessions in web server access logs, without any server')
      .argument('<files...>', 'the logs, patterns, or - for standard input'),
  )
    .option('--rule <rule>', 'a parameter of a rule, as HIGH_FREQUENCY.minEvents=20; may be repeated', collect, [])
    .option('--html <file>', 'write the report as one HTML page')
    .option('--max-anomalies <n>', 'how many anomalies the JSON document has at most, newest window first', '100000')
    .option('--json', 'print one JSON document')
    .addHelpText('after', EXPLANATION)
    .action((files: string[], words: ScanWords) => runCommand(words, (terminal) => scan(files, words, terminal)))

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

async function scan(given: readonly string[], words: ScanWords, terminal: Terminal): Promise<CommandResult> {
  keepHeapSmall()
  const options = await readLogOptions(words)
  const maxAnomalies = wholeNumber('--max-anomalies', words.maxAnomalies, 10_000_000)
  const files = await logFiles(given)
  const { signal, release } = interruption()
  const startedMs = performance.now()
  const inputs: LogInput[] = []
  try {
    const scanned = createScan(scanRules(words.rule), terminal)
    const reading = new LogReading({
      ...options,
      now: () => Date.now(),
      onRejected: rejectionPrinter(options.showRejected, terminal.say),
      onClick: (click, _entry, session) => scanned.take(click, session),
    })
    for (const file of files) {
      const server = options.server ?? serverNameOf(file)
      inputs.push({
        source: await openLog(file, process.stdin),
        log: reading.file({ file, server, format: options.format }),
      })
    }
    const end = await readAll(inputs, reading, signal)
    scanned.finish()
    const seconds = (performance.now() - startedMs) / 1_000
    const report = reportOf(scanned, reading, isbot)
    const fault = readingFault(reading.counts, end, options.maxRejected, false)
    const head = { files, inputs, reading, end, seconds, fault }
    if (words.html !== undefined)
      await writeReport(
        words.html,
        htmlReport(report, { files, sessions: reading.sessions, summary: summary(reading.counts) }),
      )
    return resultOf(head, report, scanned.refused, maxAnomalies)
  } finally {
    for (const { source } of inputs) source.close()
    release()
  }
}

/** Partitions and lateness are those that the pipeline has here, so that it would find the same. */
function createScan(rules: readonly RuleVersion[], { env }: Terminal): Scan {
  const config = loadConfig(['KAFKA_PARTITIONS', 'ALLOWED_LATENESS_MS', 'MAX_FUTURE_SKEW_MS'], env)
  return new Scan({
    rules,
    policy: { allowedLatenessMs: config.ALLOWED_LATENESS_MS, maxFutureSkewMs: config.MAX_FUTURE_SKEW_MS },
    partitions: config.KAFKA_PARTITIONS,
    isDeclaredBot: isbot,
  })
}

async function readAll(inputs: readonly LogInput[], reading: LogReading, signal: AbortSignal): Promise<LogEnd> {
  const total = inputs.reduce<number | undefined>(
    (sum, { source: { totalBytes } }) => (sum === undefined || totalBytes === undefined ? undefined : sum + totalBytes),
    0,
  )
  const progress = startProgress('scan', total, process.stderr)
  const afterPiece = (newestMs: number) => {
    reading.release(newestMs)
    const done = inputs.reduce((sum, { source }) => sum + source.bytesRead(), 0)
    progress.update({ done, records: reading.counts.lines, note: 'lines' })
    return Promise.resolve()
  }
  try {
    const end = await readLogs(inputs, { signal, afterPiece, onIdle: undefined })
    reading.flush()
    return end
  } finally {
    progress.stop()
  }
}

async function writeReport(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page)
  } catch (error) {
    throw new UsageError(`--html ${file}: ${errorLine(error)}`)
  }
}

interface Scanned {
  readonly files: readonly string[]
  readonly inputs: readonly LogInput[]
  readonly reading: LogReading
  readonly end: LogEnd
  readonly seconds: number
  readonly fault: string | undefined
}

function resultOf(
  { files, inputs, reading, end, seconds, fault }: Scanned,
  report: ScanReport,
  refused: number,
  maxAnomalies: number,
): CommandResult {
  const { counts, sessions } = reading
  const { anomalies, flagged, topClients, clients, clientsError, bots, minutes, thresholds, peaks } = report
  const error = end.kind === 'broken' ? errorLine(end.error) : undefined
  const linesPerSecond = Math.round(counts.lines / Math.max(seconds, 0.001))
  return {
    document: {
      file: files.length === 1 ? files[0] : files,
      files: inputs.map(({ log }) => formatDocument(log)),
      ...counts,
      sessions,
      refused,
      anomalies: anomalies.slice(0, maxAnomalies),
      anomaly_count: anomalies.length,
      flagged_sessions: flagged,
      top_clients: topClients,
      clients,
      clients_error: clientsError,
      declared_bots: bots,
      events_per_minute: minutes.map(([atMs, events]) => ({ minute: new Date(atMs).toISOString(), events })),
      thresholds,
      busiest_ten_seconds: peaks,
      end: end.kind,
      ...(error === undefined ? {} : { error }),
      ...(fault === undefined ? {} : { fault }),
      seconds: Number(seconds.toFixed(3)),
      linesPerSecond,
    },
    lines: [
      ...inputs.map(({ log }) => describeFormat(log)),
      ...textReport(report, sessions),
      ...(error === undefined ? [] : [`the log could not be read to its end: ${error}`]),
      ...(fault === undefined ? [] : [fault]),
      `${summary(counts)}, ${refused} refused by the detector, in ${seconds.toFixed(1)} s (${linesPerSecond.toLocaleString('en-US')} lines/s)`,
    ],
    complete: fault === undefined,
  }
}
