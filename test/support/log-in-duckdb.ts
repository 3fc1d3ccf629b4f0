import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'

/** A window of a client in which a rule's condition holds. */
export interface FlaggedWindow {
  readonly rule: string
  readonly address: string
  readonly agent: string | null
  readonly windowStartMs: number
  readonly events: number
  readonly items: number
}

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`
/** Address, time, request, and, in the combined format, referrer and agent. */
const LINE = String.raw`^(\S+) \S+ \S+ \[([^\]]+)\] ${QUOTED} (?:\d{3}) (?:\d+|-)(?: ${QUOTED} "((?:[^"\\]|\\.)*)"?)?$`
const ASSET = String.raw`\.(css|js|mjs|map|png|jpg|jpeg|gif|svg|ico|webp|avif|bmp|woff|woff2|ttf|otf|eot)$`

const PAGE_VIEWS = `
  CREATE TABLE page_view AS
  WITH line AS (SELECT unnest(string_split(content, chr(10))) AS text FROM read_text($file)),
  request AS (
    SELECT regexp_extract(text, $line, ['address', 'at', 'request', 'referrer', 'agent']) AS field
      FROM line WHERE regexp_matches(text, $line)
  ),
  target AS (
    SELECT field.address AS address,
           CASE WHEN field.agent IN ('', '-') THEN NULL ELSE field.agent END AS agent,
           epoch_ms(try_strptime(field.at, '%d/%b/%Y:%H:%M:%S %z')) AS at_ms,
           regexp_replace(regexp_extract(field.request, '^(?:GET|HEAD|POST) (.+?)( HTTP/[0-9.]+)?$', 1), '[?#].*$', '') AS asked,
           regexp_replace(regexp_replace(asked, '/+', '/', 'g'), '(.)/$', '\\1') AS path
      FROM request
  )
  SELECT * FROM target WHERE at_ms IS NOT NULL AND path <> '' AND NOT regexp_matches(lower(path), $asset)`

/** A second opinion on an access log: its lines, read by regular expressions and counted by SQL, without any code of the product. */
export class LogInDuckDb {
  readonly #connection: DuckDBConnection

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  static async open(file: string): Promise<LogInDuckDb> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    await connection.run(PAGE_VIEWS, { file, line: LINE, asset: ASSET })
    return new LogInDuckDb(connection)
  }

  async pageViews(): Promise<number> {
    const [row] = await this.#rows('SELECT count(*)::DOUBLE AS n FROM page_view')
    return Number(row?.['n'])
  }

  /** How many page views each session has, least first: a client, until it is silent for more than 30 minutes. */
  async sessionSizes(): Promise<number[]> {
    const rows = await this.#rows(`
      WITH gap AS (
        SELECT *, at_ms - lag(at_ms) OVER (PARTITION BY address, agent ORDER BY at_ms) > 1800000 AS is_new FROM page_view
      ), session AS (
        SELECT *, count(*) FILTER (is_new) OVER (PARTITION BY address, agent ORDER BY at_ms) AS number FROM gap
      )
      SELECT count(*)::DOUBLE AS n FROM session GROUP BY address, agent, number ORDER BY n`)
    return rows.map((row) => Number(row['n']))
  }

  /** @param highFrequency window ms, slide ms, fewest events; @param botLike the same, and most items */
  async flagged(
    highFrequency: readonly [number, number, number],
    botLike: readonly [number, number, number, number],
  ): Promise<FlaggedWindow[]> {
    const windows = (rule: string, [sizeMs, slideMs, minEvents, maxItems]: readonly number[]) => `
      SELECT '${rule}' AS rule, address, agent, (at_ms // ${slideMs} - k) * ${slideMs} AS start_ms,
             count(*) AS events, count(DISTINCT path) AS items
        FROM page_view, range(0, ${Number(sizeMs) / Number(slideMs)}) AS slide(k)
       GROUP BY ALL HAVING events >= ${minEvents} AND items <= ${maxItems ?? 1_000_000_000}`
    const rows = await this.#rows(
      `SELECT rule, address, agent, start_ms::DOUBLE AS start_ms, events::DOUBLE AS events, items::DOUBLE AS items
         FROM (${windows('HIGH_FREQUENCY', highFrequency)} UNION ALL ${windows('BOT_LIKE', botLike)})`,
    )
    return rows.map((row) => ({
      rule: String(row['rule']),
      address: String(row['address']),
      agent: row['agent'] as string | null,
      windowStartMs: Number(row['start_ms']),
      events: Number(row['events']),
      items: Number(row['items']),
    }))
  }

  async #rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.#connection.runAndReadAll(sql)).getRowObjectsJS()
  }
}
