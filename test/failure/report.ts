import { readFile, writeFile } from 'node:fs/promises'

/** What the runner found about one row. */
export interface RowReport {
  readonly id: string
  readonly fault: string
  readonly invariant: string
  readonly figure: string
  readonly held: boolean
  readonly configuration: string
  readonly run: 'full' | 'quick'
  readonly seed: number
  readonly revision: string
  readonly seconds: number
}

/** What can be said of a row that has never been run. */
export type RowName = Pick<RowReport, 'id' | 'fault' | 'invariant'>

const BEGIN = '<!-- verify:begin -->'
const END = '<!-- verify:end -->'
const HEAD = [
  '| row | what is done to it | what must hold | figure | result | measured with | run | seed | revision | s |',
  '|---|---|---|---|---|---|---|---|---|---|',
]
const RUN_COLUMN = 6

/** Sorts A2 before A10. */
export const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id.localeCompare(b.id, 'en', { numeric: true })

/** Text as a cell of a table may hold it. */
const cell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')

const lineOf = (report: RowReport): string =>
  `| ${[
    report.id,
    report.fault,
    report.invariant,
    report.figure,
    report.held ? 'PASS' : '**FAIL**',
    report.configuration,
    report.run,
    String(report.seed),
    report.revision,
    String(Math.round(report.seconds)),
  ]
    .map(cell)
    .join(' | ')} |`

const notRun = ({ id, fault, invariant }: RowName): string =>
  `| ${[id, fault, invariant, 'not run', '', '', '', '', '', ''].map(cell).join(' | ')} |`

const cellsOf = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((text) => text.trim())

/**
 * Puts figures into the table between the two marker comments of a document. A row that was not run keeps what it says;
 * a quick run that passed does not replace the figure of a full one.
 * @throws when the document has no markers
 */
export function withTable(document: string, rows: readonly RowName[], reports: readonly RowReport[]): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the document has no ${BEGIN} before ${END}`)
  const lines = new Map(rows.map((row) => [row.id, notRun(row)]))
  for (const line of document.slice(from, to).split('\n')) {
    const [id = '', , , figure] = cellsOf(line)
    if (lines.has(id) && figure !== 'not run') lines.set(id, line)
  }
  for (const report of reports) {
    const isFull = cellsOf(lines.get(report.id) ?? '')[RUN_COLUMN] === 'full'
    if (report.run === 'full' || !report.held || !isFull) lines.set(report.id, lineOf(report))
  }
  const sorted = [...lines].map(([id, line]) => ({ id, line })).sort(byId)
  const table = [BEGIN, '', ...HEAD, ...sorted.map(({ line }) => line), '', ''].join('\n')
  return document.slice(0, from) + table + document.slice(to)
}

/** Writes figures into a file, as `withTable` says. */
export async function writeTable(file: string, rows: readonly RowName[], reports: readonly RowReport[]): Promise<void> {
  await writeFile(file, withTable(await readFile(file, 'utf8'), rows, reports))
}
