import { Command } from 'commander'
import { TOPICS } from '../domain/events.js'
import { freshLogNameOfFile } from '../domain/fresh-log.js'
import { Lifecycle } from '../platform/lifecycle.js'
import { errorLine, UsageError } from './cli-error.js'
import { openEventSender } from './event-sender.js'
import { dropFresh } from './ingest/drop-fresh-log.js'
import { freshLogNamed, openFreshIngest, type FreshOutcome } from './ingest/fresh-ingest.js'
import { identifyLogs, recordLogs, type OpenedLog } from './ingest/known-logs.js'
import { readLogs, type LogEnd, type LogInput } from './ingest/log-merge.js'
import { addLogOptions, logFiles, readLogOptions, type LogOptions, type LogWords } from './ingest/log-options.js'
import { LogReading, rejectionPrinter } from './ingest/log-reading.js'
import { openLog } from './ingest/log-source.js'
import { describeFormat, formatDocument, readingFault, summary, thousands } from './ingest/outcome.js'
import { watchRefused, type RefusedEvents } from './ingest/refused-events.js'
import { ClickOutbox } from './ingest/send-log.js'
import { startProgress } from './progress.js'
import { interruption, runCommand, type CommandResult, type Terminal } from './terminal.js'

interface IngestWords extends LogWords {
  readonly json?: boolean
  readonly fresh?: boolean
  readonly name?: string
  readonly drop?: string
}

const EXPLANATION = `
A request is one page view. item_id is its path in one spelling (RFC 3986), page its path with query, user_id the user
that the server knows. A session is a client and its user agent, until 30 minutes of silence. Several files are read
as one log, in order of time. Packed files (gzip, zstd, xz, bzip2) are unpacked.

Every line is read, skipped or rejected, and counted with the reason. Skipped: assets and API calls (--pages,
--include-assets, --include-api), blank lines, requests without a path, a last line that is half written. Rejected: what is
not in the log's format, or has no client, or a time that does not exist or lies in the future. What a client chose
(user name, path, referrer, user agent) never makes a line unreadable; it is cut to what the system stores.

Reading a log again adds nothing, also after it was rotated, renamed or has grown: an event's id is made from its server's name
and its line. docs/inputs.md describes the formats.

--fresh is for an old log: it goes to a topic of its own, km.logs.NAME.v1, and is decided by a detector of its own, which
ends with the command. Its anomalies are at GET /anomalies?topic=km.logs.NAME.v1; no KPI, alert, hold or completeness
figure counts them. --drop NAME removes it all.`

/** `guardian ingest`: the requests of web servers' access logs as page views. */
export const ingestCommand = (): Command =>
  addLogOptions(
    new Command('ingest')
      .description('send the page views of web server access logs through the system')
      .argument('[files...]', 'the logs, patterns, or - for standard input'),
  )
    .option('--json', 'print one JSON document')
    .option('--fresh', 'read an old log into a topic of its own, which nothing else counts')
    .option('--name <name>', 'of the fresh log; without it, that of the file')
    .option('--drop <name>', 'remove a fresh log: its topic, its anomalies and its checkpoints')
    .addHelpText('after', EXPLANATION)
    .action((files: string[], words: IngestWords) => runCommand(words, (terminal) => run(files, words, terminal)))

function run(files: readonly string[], words: IngestWords, terminal: Terminal): Promise<CommandResult> {
  const { drop, fresh, name } = words
  const [first] = files
  if (drop !== undefined) {
    if (first !== undefined || fresh === true) throw new UsageError('--drop reads no file: give it alone')
    return dropFresh(drop, terminal)
  }
  if (first === undefined) throw new UsageError('which file? - is standard input')
  if (name !== undefined && fresh !== true) throw new UsageError('--name is for --fresh')
  return ingest(files, words, terminal)
}

async function ingest(given: readonly string[], words: IngestWords, terminal: Terminal): Promise<CommandResult> {
  const options = await readLogOptions(words)
  const files = await logFiles(given)
  const { signal, release } = interruption()
  const life = new Lifecycle()
  const startedMs = performance.now()
  const fresh = words.fresh === true ? freshLogNamed(words.name ?? freshLogNameOfFile(files[0] ?? '-')) : undefined
  // What is known of earlier readings is about the live topic.
  const topic = fresh === undefined ? TOPICS.clicks : undefined
  const opened: OpenedLog[] = []
  try {
    for (const file of files) opened.push({ file, source: await openLog(file, process.stdin) })
    const logs = await identifyLogs(opened, options.server, topic, terminal, signal)
    const refused = await watchRefused(topic, terminal)
    const freshIngest = fresh && (await openFreshIngest(fresh, life, terminal))
    const sender = freshIngest?.sender ?? (await openEventSender('ingest', [TOPICS.clicks], life, terminal))
    const outbox = new ClickOutbox(sender)
    const reading = readingOf(options, outbox, refused, terminal)
    const inputs = opened.map(({ source }, at): LogInput => {
      const { file = '-', server = file, readToMs } = logs[at] ?? {}
      return { source, log: reading.file({ file, server, format: options.format, readToMs }) }
    })
    const end = await sendAll(inputs, reading, outbox, signal)
    await recordLogs(logs, topic, reading.lastMs, terminal)
    const seconds = (performance.now() - startedMs) / 1_000
    const result = resultOf({ files, inputs, reading, refused, end, seconds, maxRejected: options.maxRejected })
    return freshIngest ? withOutcome(result, await freshIngest.finish(signal)) : result
  } finally {
    for (const { source } of opened) source.close()
    release()
    await life.stop()
  }
}

/** The last line says what came of it all. */
const withOutcome = (result: CommandResult, outcome: FreshOutcome): CommandResult => ({
  document: { ...result.document, ...outcome.document },
  lines: [...result.lines.slice(0, -1), ...outcome.lines, `${result.lines.at(-1) ?? ''}; ${outcome.summary}`],
  complete: result.complete && outcome.complete,
})

const readingOf = (options: LogOptions, outbox: ClickOutbox, refused: RefusedEvents, terminal: Terminal): LogReading =>
  new LogReading({
    ...options,
    now: () => Date.now(),
    onRejected: rejectionPrinter(options.showRejected, terminal.say),
    onClick: (click, _entry, _session, { readToMs }) => refused.count(outbox.add(click), click.event_ts, readToMs),
  })

/** Reads the logs to their end and sends what they give; what was read is sent in every case. */
async function sendAll(
  inputs: readonly LogInput[],
  reading: LogReading,
  outbox: ClickOutbox,
  signal: AbortSignal,
): Promise<LogEnd> {
  const isFollowed = isStandardInput(inputs)
  const total = isFollowed ? undefined : inputs.reduce((sum, { source }) => sum + (source.totalBytes ?? 0), 0)
  const progress = startProgress('ingest', total, process.stderr)
  const show = () => progress.update(progressOf(inputs, reading, outbox.acknowledged, isFollowed))
  const flush = async () => {
    reading.flush()
    await outbox.settle()
    show()
  }
  const afterPiece = async (newestMs: number) => {
    reading.release(newestMs)
    await outbox.sendFull()
    show()
  }
  try {
    const end = await readLogs(inputs, { signal, afterPiece, onIdle: isFollowed ? flush : undefined })
    await flush()
    return end
  } finally {
    progress.stop()
  }
}

const isStandardInput = (inputs: readonly LogInput[]): boolean => inputs[0]?.log.options.file === '-'

/** Lag: records read that Kafka has not acknowledged, and, of a log that is written now, its distance from now. */
function progressOf(inputs: readonly LogInput[], reading: LogReading, acknowledged: number, isFollowed: boolean) {
  const { accepted } = reading.counts
  const behind =
    isFollowed && reading.lastMs !== undefined
      ? `, ${Math.round((Date.now() - reading.lastMs) / 1_000)} s behind now`
      : ''
  return {
    done: inputs.reduce((sum, { source }) => sum + source.bytesRead(), 0),
    records: acknowledged,
    note: `lag ${accepted - acknowledged} records${behind}`,
  }
}

interface Ingested {
  readonly files: readonly string[]
  readonly inputs: readonly LogInput[]
  readonly reading: LogReading
  readonly refused: RefusedEvents
  readonly end: LogEnd
  readonly seconds: number
  readonly maxRejected: number
}

function resultOf({ files, inputs, reading, refused, end, seconds, maxRejected }: Ingested): CommandResult {
  const { counts } = reading
  const isFollowed = isStandardInput(inputs)
  const error = end.kind === 'broken' ? errorLine(end.error) : undefined
  const lateFault =
    refused.late() === 0
      ? undefined
      : `the detector refuses ${thousands(refused.late())} events as late: they are older than what the topic has come to. ` +
        'To look into an old log: guardian scan, or guardian ingest --fresh'
  const fault = readingFault(counts, end, maxRejected, isFollowed) ?? lateFault
  const detector = refused.isKnown ? { late: refused.late(), repeated: refused.repeated() } : null
  return {
    document: {
      file: files.length === 1 ? files[0] : files,
      files: inputs.map(({ log }) => formatDocument(log)),
      ...counts,
      refused: detector,
      end: end.kind,
      ...(error === undefined ? {} : { error }),
      ...(fault === undefined ? {} : { fault }),
      seconds: Number(seconds.toFixed(3)),
      linesPerSecond: Math.round(counts.lines / Math.max(seconds, 0.001)),
    },
    lines: [
      ...inputs.map(({ log }) => describeFormat(log)),
      ...(error === undefined ? [] : [`the log could not be read to its end: ${error}`]),
      ...(refused.repeated() > 0 ? [`${thousands(refused.repeated())} events were read before: they count once`] : []),
      ...(fault === undefined ? [] : [fault]),
      `${summary(counts)}${refused.isKnown ? `, ${thousands(refused.late())} refused by the detector (late)` : ''}, in ${seconds.toFixed(1)} s`,
    ],
    complete: fault === undefined,
  }
}
