import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { Command } from 'commander'
import type { Database } from '../db/pool.js'
import { findAuditSpan, hasAuditRecord, readAuditSpan, verifyAudit } from '../db/read-models/audit.js'
import { exportWriter } from '../schemas/rest/audit-export.js'
import { verifyExport, type Head } from './audit/verify-export.js'
import { UsageError } from './cli-error.js'
import { runCommand, type CommandResult } from './terminal.js'
import { withDatabase } from './with-database.js'

interface Words {
  readonly json?: boolean
  readonly expect?: string
}

/** `guardian audit`: who changed what. */
export const auditCommand = (): Command => {
  const audit = new Command('audit').description('check the audit log, or copy it to a file')
  audit
    .command('verify')
    .description('seal every record anew and say which were changed or removed')
    .option('--expect <seq:hash>', 'the head that an earlier run printed: tells when the end was cut off')
    .option('--json', 'print one JSON document')
    .action((words: Words) => runCommand(words, (terminal) => withDatabase(terminal, (db) => verify(db, words.expect))))
  audit
    .command('export')
    .description('write all records, oldest first, one JSON object a line, as GET /audit/export does')
    .argument('<file>', 'file to write; one that is there is not replaced')
    .option('--json', 'print one JSON document')
    .action((file: string, words: Words) =>
      runCommand(words, (terminal) => withDatabase(terminal, (db) => exportTo(db, file))),
    )
  audit
    .command('verify-file')
    .description('check the chain of exported files, without the database')
    .argument('<files...>', 'in the order of their records: each goes on where the one before it ends')
    .option('--expect <seq:hash>', 'a head that was noted: it has to be in the files')
    .option('--json', 'print one JSON document')
    .action((files: string[], words: Words) => runCommand(words, () => verifyFiles(files, words.expect)))
  return audit
}

function parseHead(expect: string | undefined): Head | undefined {
  const [seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(expect ?? '')?.slice(1) ?? []
  if (expect !== undefined && hash === undefined) throw new UsageError(`${JSON.stringify(expect)} is not seq:hash`)
  return hash === undefined ? undefined : { seq: Number(seq), hash }
}

const words = (head: Head | null): string => (head === null ? 'none' : `${head.seq}:${head.hash}`)

async function verify(db: Database, expect: string | undefined): Promise<CommandResult> {
  const expected = parseHead(expect)
  const { records, head, faults } = await verifyAudit(db)
  const isKept = expected === undefined || (await hasAuditRecord(db, expected.seq, expected.hash))
  const lines = faults.map(({ seq: at, fault }) => `record ${at}: ${fault.replace('_', ' ')}`)
  if (!isKept)
    lines.push(`record ${expected.seq} with this hash is not there: the end was cut off, or all was made anew`)
  lines.push(`${records} records, ${faults.length} faults; head ${words(head)}`)
  return { document: { records, head, faults, expected: isKept }, lines, complete: faults.length === 0 && isKept }
}

async function exportTo(db: Database, file: string): Promise<CommandResult> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  const written = finished(out)
  await Promise.race([once(out, 'open'), written])
  const span = await findAuditSpan(db, {})
  const text = exportWriter(span.after)
  let records = 0
  out.write(text.begin())
  for await (const page of readAuditSpan(db, span)) {
    if (!out.write(page.map(text.record).join(''))) await Promise.race([once(out, 'drain'), written])
    records += page.length
  }
  out.end(text.end('all'))
  await written
  return { document: { records, file }, lines: [`${records} records in ${file}`], complete: true }
}

async function verifyFiles(files: readonly string[], expect: string | undefined): Promise<CommandResult> {
  const expected = parseHead(expect)
  const found = { records: 0, isExpectedThere: false, begins: null as Head | null, head: null as Head | null }
  const faults: { file: string; line: number; fault: string }[] = []
  for (const file of files) {
    const lines = (await open(file)).readLines() // closes the file at its end
    const verdict = await verifyExport(lines, ({ seq, hash }) => {
      if (seq === expected?.seq && hash === expected.hash) found.isExpectedThere = true
    })
    faults.push(...verdict.faults.map((fault) => ({ file, ...fault })))
    if (found.head === null) found.begins = verdict.begins
    else if (verdict.records > 0 && words(verdict.begins) !== words(found.head))
      faults.push({ file, line: 1, fault: 'not_chained' })
    found.records += verdict.records
    found.head = verdict.head ?? found.head
  }
  const isKept = expected === undefined || found.isExpectedThere
  const said = faults.map(({ file, line, fault }) => `${file}, line ${line}: ${fault.replaceAll('_', ' ')}`)
  if (!isKept) said.push(`record ${expected.seq} with this hash is not in the files`)
  if (found.begins !== null)
    said.push(`they go on from ${words(found.begins)}: hold it against the head of what was exported before`)
  said.push(`${found.records} records, ${faults.length} faults; head ${words(found.head)}`)
  const { records, begins, head } = found
  const document = { records, begins, head, faults, expected: isKept }
  return { document, lines: said, complete: faults.length === 0 && isKept }
}
