import { readFile, realpath } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { glob } from 'tinyglobby'
import { parseClientFrom, type ClientFrom } from '../../domain/client/client-from.js'
import { CANONICAL_ITEM_DEFAULTS, type CanonicalItemOptions } from '../../domain/web-log/canonical-item.js'
import { LOG_FORMATS, logFormat } from '../../domain/web-log/log-format.js'
import type { ZoneOffset } from '../../domain/web-log/log-time.js'
import { PAGE_PRESET_NAMES, rulesOfPresets, type PagePresetName } from '../../domain/web-log/page-presets.js'
import { PageRules } from '../../domain/web-log/page-rules.js'
import { parsePageRules } from '../../domain/web-log/parse-page-rules.js'
import { errorLine, UsageError } from '../cli-error.js'
import { wholeNumber } from '../whole-number.js'
import { zoneOffset } from './zone-offset.js'

/** How logs are read: the options that `ingest` and `scan` share, as commander gives them. */
export interface LogWords {
  readonly format: string
  readonly server?: string
  readonly clientFrom: string
  readonly timeZone: string
  readonly pages: string
  readonly pageRules?: string
  readonly includeAssets?: boolean
  readonly includeApi?: boolean
  readonly itemCase: string
  readonly trailingSlash: string
  readonly itemQuery: string
  readonly reorder: string
  readonly maxRejected: string
  readonly showRejected: string
}

/** The same, checked. */
export interface LogOptions {
  readonly format: string
  readonly server: string | undefined
  readonly clientFrom: ClientFrom
  readonly zone: ZoneOffset
  readonly pages: PageRules
  readonly items: CanonicalItemOptions
  readonly includeAssets: boolean
  readonly includeApi: boolean
  readonly reorderMs: number
  /** Share of the requests' lines, 0 to 1, above which a log does not count as read. */
  readonly maxRejected: number
  readonly showRejected: number
}

const MAX_FILES = 1_000
const MAX_SERVER_LENGTH = 200

/** Adds the options to a command. */
export function addLogOptions(command: Command): Command {
  return command
    .option('--format <format>', `auto, ${LOG_FORMATS.join(', ')}, or an nginx log_format or Apache LogFormat`, 'auto')
    .option(
      '--server <name>',
      'whose logs they are, part of the identity of each event (default: the name of the file without rotation suffixes)',
    )
    .option(
      '--client-from <where>',
      'first (the address the server logs), forwarded:HOPS (X-Forwarded-For behind so many trusted proxies), or the name of a field',
      'first',
    )
    .option('--time-zone <zone>', 'of times that do not name their own: an IANA name or +HH:MM', 'UTC')
    .option(
      '--pages <presets>',
      `what counts as a page, an asset or an API call: ${PAGE_PRESET_NAMES.join(', ')}; several with commas`,
      'default',
    )
    .option('--page-rules <file>', 'a JSON file with rules of your own, which decide before the presets')
    .option('--include-assets', 'also take requests for assets')
    .option('--include-api', 'also take API calls')
    .addOption(
      new Option('--item-case <how>', 'whether paths that differ in case are one item')
        .choices(['keep', 'fold'])
        .default(CANONICAL_ITEM_DEFAULTS.case),
    )
    .addOption(
      new Option('--trailing-slash <how>', 'whether /a/ and /a are one item')
        .choices(['strip', 'keep'])
        .default(CANONICAL_ITEM_DEFAULTS.trailingSlash),
    )
    .option(
      '--item-query <what>',
      'query parameters that are part of an item: drop, keep, or names with commas',
      'drop',
    )
    .option('--reorder <seconds>', 'put lines in order that are so far out of it, in time of the log', '120')
    .option('--max-rejected <percent>', 'exit with 1 when more of the lines are rejected', '5')
    .option('--show-rejected <n>', 'how many lines that cannot be read are shown; all are counted', '20')
}

/** @throws UsageError naming the option that is wrong */
export async function readLogOptions(words: LogWords): Promise<LogOptions> {
  if (words.format !== 'auto') usage('--format', () => logFormat(words.format))
  const percent = Number(words.maxRejected)
  if (!/^\d{1,3}(\.\d+)?$/.test(words.maxRejected) || percent > 100)
    throw new UsageError(`--max-rejected ${words.maxRejected}: not a percentage in 0..100`)
  if (words.server !== undefined && (words.server === '' || words.server.length > MAX_SERVER_LENGTH))
    throw new UsageError(`--server: 1 to ${MAX_SERVER_LENGTH} characters`)
  return {
    format: words.format,
    server: words.server,
    clientFrom: usage('--client-from', () => parseClientFrom(words.clientFrom)),
    zone: usage('--time-zone', () => zoneOffset(words.timeZone)),
    pages: new PageRules([...(await ownRules(words.pageRules)), ...rulesOfPresets(presetsOf(words.pages))]),
    items: {
      case: words.itemCase === 'fold' ? 'fold' : 'keep',
      trailingSlash: words.trailingSlash === 'keep' ? 'keep' : 'strip',
      query: words.itemQuery === 'drop' || words.itemQuery === 'keep' ? words.itemQuery : words.itemQuery.split(','),
    },
    includeAssets: words.includeAssets === true,
    includeApi: words.includeApi === true,
    reorderMs: wholeNumber('--reorder', words.reorder, 86_400) * 1_000,
    maxRejected: percent / 100,
    showRejected: wholeNumber('--show-rejected', words.showRejected, 1_000_000),
  }
}

function usage<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(`${option}: ${errorLine(error)}`)
  }
}

function presetsOf(text: string): PagePresetName[] {
  return text.split(',').map((name) => {
    const known = PAGE_PRESET_NAMES.find((preset) => preset === name.trim())
    if (known === undefined) throw new UsageError(`--pages ${name}: there are ${PAGE_PRESET_NAMES.join(', ')}`)
    return known
  })
}

async function ownRules(file: string | undefined) {
  if (file === undefined) return []
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--page-rules ${file}: ${errorLine(error)}`)
  }
  const parsed = parsePageRules(json)
  if (parsed.kind === 'ok') return parsed.value
  throw new UsageError(`--page-rules ${file}: ${parsed.problems.join('; ')}`)
}

/**
 * The files that the arguments name, each once: a path, `-`, or a pattern that the shell left as it was.
 * @throws UsageError when a pattern matches nothing, or there are too many
 */
export async function logFiles(given: readonly string[]): Promise<string[]> {
  const files = new Map<string, string>()
  for (const argument of given) {
    if (argument === '-') files.set('-', '-')
    else for (const path of await matching(argument)) files.set(await realpath(path).catch(() => path), path)
  }
  if (files.has('-') && files.size > 1) throw new UsageError('standard input (-) is read by itself, not beside files')
  if (files.size > MAX_FILES) throw new UsageError(`${files.size} files: at most ${MAX_FILES} are read at once`)
  return [...files.values()]
}

const exists = (path: string): Promise<boolean> =>
  realpath(path).then(
    () => true,
    () => false,
  )

async function matching(argument: string): Promise<string[]> {
  if (!/[*?[{]/.test(argument) || (await exists(argument))) return [argument]
  const found = await glob(argument, { absolute: argument.startsWith('/'), expandDirectories: false, onlyFiles: true })
  if (found.length === 0) throw new UsageError(`${argument}: no file matches`)
  return found.sort()
}
