import { Command } from 'commander'
import { TOPICS } from '../domain/events.js'
import { freshLogNameOfFile } from '../domain/fresh-log.js'
import { Lifecycle } from '../platform/lifecycle.js'
import { errorLine, UsageError } from './cli-error.js'
import { openEventSender } from './event-sender.js'
import { dropFresh } from './ingest/drop-fresh-log.js'
import { freshLogNamed, openFreshIngest, type FreshOutcome } from './ingest/fresh-ingest.js'
import { lateHint } from './ingest/late-hint.js'
import { openLog, type LogSource } from './ingest/log-lines.js'
import { LogReading, type RejectedLine } from './ingest/log-reading.js'
import { sendLog, type LogEnd } from './ingest/send-log.js'
import { ASSET_EXTENSIONS } from './ingest/static-asset.js'
import { startProgress } from './progress.js'
import { interruption, runCommand, type CommandResult, type Terminal } from './terminal.js'
import { wholeNumber } from './whole-number.js'

interface IngestWords {
  readonly includeAssets?: boolean
  readonly reorder: string
  readonly showRejected: string
  readonly json?: boolean
  readonly fresh?: boolean
  readonly name?: string
  readonly drop?: string
}

const SHOWN_REJECTED = 20

const EXPLANATION = `
A request is one page view. item_id is its path without query, page its path with query, user_id the user that the
server knows. A session is a client address and user agent, until 30 minutes of silence. Requests of every method and
status count. Skipped: assets (see --include-assets), blank lines, and lines whose request names no path. Rejected, and
shown with their line number: what is no access log line, is longer than 64 KiB, has control characters, or a time that
does not exist, is before 2000 or in the future. Reading a log again adds nothing: ids are made from its lines. From
standard input, what is held back for its order goes out when nothing has come for a second.

--fresh is for an old log: it goes to a topic of its own, km.logs.NAME.v1, and is decided by a detector of its own, which
ends with the command. Its anomalies are at GET /anomalies?topic=km.logs.NAME.v1; no KPI, alert, hold or completeness
figure counts them. --drop NAME removes it all.`

/** `guardian ingest`: the requests of a web server's access log as page views. */
export const ingestCommand = (): Command =>
  new Command('ingest')
    .description('read a web server access log (Apache or nginx; common or combined; gzip or not) as page views')
    .argument('[file]', 'the log, or - for standard input')
    .option('--include-assets', `also take requests for ${ASSET_EXTENSIONS.join(' ')}`)
    .option('--reorder <seconds>', 'put lines in order that are so far out of it, in time of the log', '120')
    .option(
      '--show-rejected <n>',
      'how many lines that cannot be read are shown; all are counted',
      String(SHOWN_REJECTED),
    )
    .option('--json', 'print one JSON document')
    .option('--fresh', 'read an old log into a topic of its own, which nothing else counts')
    .option('--name <name>', 'of the fresh log; without it, that of the file')
    .option('--drop <name>', 'remove a fresh log: its topic, its anomalies and its checkpoints')
    .addHelpText('after', EXPLANATION)
    .action((file: string | undefined, words: IngestWords) =>
      runCommand(words, (terminal) => run(file, words, terminal)),
    )

function run(file: string | undefined, words: IngestWords, terminal: Terminal): Promise<CommandResult> {
  const { drop, fresh, name } = words
  if (drop !== undefined) {
    if (file !== undefined || fresh === true) throw new UsageError('--drop reads no file: give it alone')
    return dropFresh(drop, terminal)
  }
  if (file === undefined) throw new UsageError('which file? - is standard input')
  if (name !== undefined && fresh !== true) throw new UsageError('--name is for --fresh')
  return ingest(file, words, terminal)
}

async function ingest(file: string, words: IngestWords, terminal: Terminal): Promise<CommandResult> {
  const reorderMs = wholeNumber('--reorder', words.reorder, 86_400) * 1_000
  const showRejected = wholeNumber('--show-rejected', words.showRejected, 1_000_000)
  const { signal, release } = interruption()
  const life = new Lifecycle()
  const startedMs = performance.now()
  const source = await openLog(file, process.stdin)
  try {
    const log = words.fresh === true ? freshLogNamed(words.name ?? freshLogNameOfFile(file)) : undefined
    const fresh = log && (await openFreshIngest(log, life, terminal))
    const sender = fresh?.sender ?? (await openEventSender('ingest', [TOPICS.clicks], life, terminal))
    const onRejected = rejectionPrinter(showRejected, terminal.say)
    const includeAssets = words.includeAssets === true
    const reading = new LogReading({ includeAssets, reorderMs, now: () => Date.now(), onRejected })
    const progress = startProgress('ingest', source.totalBytes, process.stderr)
    const onProgress = (acknowledged: number) => progress.update(stateOf(source, reading, acknowledged))
    let end: LogEnd
    try {
      end = await sendLog(source, { sender, reading, signal, flushWhenIdle: file === '-', onProgress })
    } finally {
      progress.stop()
    }
    const seconds = (performance.now() - startedMs) / 1_000
    const result = resultOf(file, reading, end, seconds)
    if (fresh) return withOutcome(result, await fresh.finish(signal))
    const hint = await lateHint(terminal, reading.lastMs)
    if (hint !== undefined) terminal.say(hint)
    return result
  } finally {
    source.close()
    release()
    await life.stop()
  }
}

const withOutcome = (result: CommandResult, outcome: FreshOutcome): CommandResult => ({
  document: { ...result.document, ...outcome.document },
  lines: [...result.lines, ...outcome.lines],
  complete: result.complete && outcome.complete,
})

function rejectionPrinter(most: number, say: (line: string) => void): (line: RejectedLine) => void {
  let count = 0
  return ({ number, reason, excerpt }) => {
    if (++count <= most) say(`line ${number}: ${reason.replaceAll('_', ' ')}: ${excerpt}`)
    if (count === most + 1) say('further lines that cannot be read are counted, not shown')
  }
}

/** Lag: records read that Kafka has not acknowledged, and, of a log that is written now, its distance from now. */
function stateOf(source: LogSource, reading: LogReading, acknowledged: number) {
  const { accepted } = reading.counts
  const behindMs = reading.lastMs === undefined ? undefined : Date.now() - reading.lastMs
  const behind =
    source.totalBytes === undefined && behindMs !== undefined ? `, ${Math.round(behindMs / 1_000)} s behind now` : ''
  return { done: source.bytesRead(), records: acknowledged, note: `lag ${accepted - acknowledged} records${behind}` }
}

function resultOf(file: string, reading: LogReading, end: LogEnd, seconds: number): CommandResult {
  const { counts } = reading
  const error = end.kind === 'broken' ? errorLine(end.error) : undefined
  const isNoLog = counts.rejected > 0 && counts.rejected === counts.lines - counts.skippedBy.blank
  return {
    document: {
      file,
      ...counts,
      end: end.kind,
      ...(error === undefined ? {} : { error }),
      seconds: Number(seconds.toFixed(3)),
      linesPerSecond: Math.round(counts.lines / Math.max(seconds, 0.001)),
    },
    lines: [
      `${counts.lines} lines in ${seconds.toFixed(1)} s: ${counts.accepted} accepted, ${counts.skipped} skipped, ${counts.rejected} rejected`,
      ...reasons('skipped', counts.skippedBy),
      ...reasons('rejected', counts.rejectedBy),
      ...(error === undefined ? [] : [`the log could not be read to its end: ${error}`]),
      ...(end.kind === 'stopped' ? ['stopped before the end of the log'] : []),
    ],
    complete: (end.kind === 'end' || (end.kind === 'stopped' && file === '-')) && !isNoLog,
  }
}

const reasons = (label: string, counts: Readonly<Record<string, number>>): string[] => {
  const named = Object.entries(counts).filter(([, count]) => count > 0)
  return named.length === 0 ? [] : [`  ${label}: ${named.map(([reason, count]) => `${reason} ${count}`).join(', ')}`]
}
