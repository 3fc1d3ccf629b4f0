import type { LogFile } from './log-file.js'
import type { LogEnd } from './log-merge.js'
import type { LogCounts } from './log-reading.js'

/** What the words of a count's reason are, for a person. */
const words = (reason: string): string => reason.replaceAll('_', ' ')

/** Which format each log was read in, and how sure that is. */
export const describeFormat = ({ options, fit }: LogFile): string =>
  fit === undefined
    ? `${options.file}: no lines`
    : fit.confidence === 0
      ? `${options.file}: no known format fits its first ${fit.lines} lines; name it with --format, or give the server's log_format or LogFormat`
      : `${options.file}: ${fit.name}, ${Math.round(fit.confidence * 100)} % of the first ${fit.lines} lines fit; server ${options.server}`

export const formatDocument = ({ options, fit }: LogFile) => ({
  file: options.file,
  server: options.server,
  format: fit?.name ?? null,
  confidence: fit === undefined ? null : Number(fit.confidence.toFixed(3)),
})

/** What is wrong with how a log was read, in the words of one line; undefined when it was read. */
export function readingFault(
  counts: LogCounts,
  end: LogEnd,
  maxRejected: number,
  isFollowed: boolean,
): string | undefined {
  if (end.kind === 'broken') return `${end.file} could not be read to its end`
  if (end.kind === 'stopped' && !isFollowed) return 'stopped before the end of the log'
  const { rejected, accepted, skippedBy, skipped } = counts
  const requests = accepted + rejected + skipped - skippedBy.blank - skippedBy.directive
  if (requests === 0) return isFollowed ? undefined : 'the log has no requests'
  if (rejected / requests <= maxRejected) return undefined
  return `${rejected} of ${requests} lines were rejected, more than ${100 * maxRejected} % (--max-rejected)`
}

/** `12,345 lines: 10,000 accepted, 2,340 skipped (asset 2,340), 5 rejected (bad time 5)`. */
export function summary(counts: LogCounts): string {
  const { lines, accepted, skipped, rejected, late } = counts
  const reasons = (by: Readonly<Record<string, number>>): string => {
    const named = Object.entries(by).filter(([, count]) => count > 0)
    return named.length === 0
      ? ''
      : ` (${named.map(([reason, count]) => `${words(reason)} ${thousands(count)}`).join(', ')})`
  }
  const parts = [
    `${thousands(accepted)} accepted`,
    `${thousands(skipped)} skipped${reasons(counts.skippedBy)}`,
    `${thousands(rejected)} rejected${reasons(counts.rejectedBy)}`,
    ...(late > 0 ? [`${thousands(late)} behind the reorder window`] : []),
  ]
  return `${thousands(lines)} lines read: ${parts.join(', ')}`
}

export const thousands = (count: number): string => count.toLocaleString('en-US')
