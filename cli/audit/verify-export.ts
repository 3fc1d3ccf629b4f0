import { FIRST_PREVIOUS_HASH, sealOf, type AuditRecord } from '../../db/stores/audit.js'
import { ExportLine } from '../../schemas/rest/audit-export.js'

export interface ExportFault {
  /** Of the file, from 1. */
  readonly line: number
  readonly fault: 'not_an_export' | 'missing' | 'changed' | 'not_chained' | 'cut_off'
}

/** What was found in one exported file. */
export interface ExportVerdict {
  readonly records: number
  /** Its first record begins behind this seq and hash; null when it begins the log, or is empty. */
  readonly begins: Head | null
  /** Its last record. */
  readonly head: Head | null
  readonly faults: readonly ExportFault[]
}

export interface Head {
  readonly seq: number
  /** 64 hexadecimal digits. */
  readonly hash: string
}

const MAX_FAULTS = 100

type ExportedRecord = Extract<ExportLine, { kind: 'record' }>

/**
 * Seals every record of an exported file anew, and holds it against what the file says and against the record before.
 * @param lines of the file, in their order
 * @param seen told of every record that is as it was sealed
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  seen: (head: Head) => void = () => undefined,
): Promise<ExportVerdict> {
  const faults: ExportFault[] = []
  let begins: Head | null = null
  let head: Head | null = null
  let after = 0
  let records = 0
  let line = 0
  let isEnded = false
  for await (const text of lines) {
    if (faults.length >= MAX_FAULTS) return { records, begins, head, faults }
    line += 1
    const said = isEnded ? undefined : parseLine(text)
    if (said === undefined || (said.kind === 'begin') !== (line === 1)) faults.push({ line, fault: 'not_an_export' })
    else if (said.kind === 'begin') after = said.after
    else if (said.kind === 'end') {
      isEnded = true
      if (said.records !== records || said.head?.hash !== head?.hash) faults.push({ line, fault: 'missing' })
    } else {
      const before: Head = head ?? { seq: after, hash: said.seq === 1 ? FIRST_HASH : said.previous_hash }
      const found = faultsOf(said, before)
      faults.push(...found.map((fault) => ({ line, fault })))
      if (records === 0 && said.seq > 1) begins = { seq: said.seq - 1, hash: said.previous_hash }
      records += 1
      head = { seq: said.seq, hash: said.hash }
      if (!found.includes('changed')) seen(head)
    }
  }
  if (!isEnded) faults.push({ line: line + 1, fault: 'cut_off' })
  return { records, begins, head, faults }
}

const FIRST_HASH = FIRST_PREVIOUS_HASH.toString('hex')

function faultsOf(said: ExportedRecord, before: Head): ExportFault['fault'][] {
  const found: ExportFault['fault'][] = []
  if (said.seq !== before.seq + 1) found.push('missing')
  else if (said.previous_hash !== before.hash) found.push('not_chained')
  if (sealOf(storedOf(said)).toString('hex') !== said.hash) found.push('changed')
  return found
}

function parseLine(text: string): ExportLine | undefined {
  try {
    return ExportLine.safeParse(JSON.parse(text)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const storedOf = (said: ExportedRecord): Omit<AuditRecord, 'hash'> => ({
  seq: said.seq,
  recordedTs: new Date(said.recorded_ts),
  actor: said.actor,
  actorName: said.actor_name,
  action: said.action,
  target: said.target,
  outcome: said.outcome,
  requestId: said.request_id,
  before: said.before,
  after: said.after,
  previousHash: Buffer.from(said.previous_hash, 'hex'),
})
