import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { Command } from 'commander'
import type { Database } from '../db/pool.js'
import { hasAuditRecord, oldestFirst, verifyAudit } from '../db/read-models/audit.js'
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
    .description('write all records, oldest first, one JSON object a line')
    .argument('<file>', 'file to write; one that is there is not replaced')
    .option('--json', 'print one JSON document')
    .action((file: string, words: Words) =>
      runCommand(words, (terminal) => withDatabase(terminal, (db) => exportTo(db, file))),
    )
  return audit
}

async function verify(db: Database, expect: string | undefined): Promise<CommandResult> {
  const [seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(expect ?? '')?.slice(1) ?? []
  if (expect !== undefined && hash === undefined) throw new UsageError(`${JSON.stringify(expect)} is not seq:hash`)
  const { records, head, faults } = await verifyAudit(db)
  const isKept = hash === undefined || (await hasAuditRecord(db, Number(seq), hash))
  const lines = faults.map(({ seq: at, fault }) => `record ${at}: ${fault.replace('_', ' ')}`)
  if (!isKept) lines.push(`record ${seq ?? ''} with this hash is not there: the end was cut off, or all was made anew`)
  lines.push(`${records} records, ${faults.length} faults; head ${head === null ? 'none' : `${head.seq}:${head.hash}`}`)
  return { document: { records, head, faults, expected: isKept }, lines, complete: faults.length === 0 && isKept }
}

async function exportTo(db: Database, file: string): Promise<CommandResult> {
  const out = createWriteStream(file, { flags: 'wx', mode: 0o600 })
  const written = finished(out)
  await Promise.race([once(out, 'open'), written])
  let records = 0
  for await (const { hash, previousHash, ...record } of oldestFirst(db)) {
    const line = { ...record, previousHash: previousHash.toString('hex'), hash: hash.toString('hex') }
    if (!out.write(`${JSON.stringify(line)}\n`)) await Promise.race([once(out, 'drain'), written])
    records += 1
  }
  out.end()
  await written
  return { document: { records, file }, lines: [`${records} records in ${file}`], complete: true }
}
