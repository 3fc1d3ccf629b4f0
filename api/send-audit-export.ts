import type { Writable } from 'node:stream'
import type { AuditRecord } from '../db/stores/audit.js'
import { exportWriter } from '../schemas/rest/audit-export.js'
import { drained } from './drained.js'

export interface ExportSettings {
  /** Where it begins. */
  readonly after: number
  /** Whether the pages are all that was asked for. */
  readonly isAll: boolean
  /** How long the receiver may take nothing before the connection is cut. */
  readonly stallMs: number
  /** Whether the caller may still see it. @throws when nobody can tell */
  readonly stillMay: () => Promise<boolean>
}

/**
 * Sends an export as fast as its receiver takes it: one page waits in memory, and what the socket holds. What cannot be
 * read any more ends it with the cursor to go on from; who takes nothing is cut off, without a last line. Never fails.
 */
export async function sendAuditExport(
  out: Writable,
  first: IteratorResult<AuditRecord[]>,
  pages: AsyncIterator<AuditRecord[]>,
  { after, isAll, stallMs, stillMay }: ExportSettings,
): Promise<void> {
  const lines = exportWriter(after)
  const write = (text: string) => out.write(text) || drained(out, stallMs)
  let next: typeof first | 'unavailable' | 'access' = first
  await write(lines.begin())
  while (typeof next === 'object' && next.done !== true && !out.destroyed) {
    await write(next.value.map(lines.record).join(''))
    const may = await stillMay().catch(() => false)
    // Why it cannot be read is told where the database is asked; here it is where the export ends.
    next = may ? await pages.next().catch(() => 'unavailable' as const) : 'access'
  }
  if (!out.destroyed) out.end(lines.end(typeof next === 'string' ? next : isAll ? 'all' : 'limit'))
}
