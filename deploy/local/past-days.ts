import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/** Which days are to be sent, and how many of them have been, as kept beside the servers' data. */
interface PastDays {
  readonly days: readonly string[]
  readonly sent: number
}

/** Sends a day. @param ifEmpty unless the log has had records @returns whether it was sent */
export type SendDay = (day: string, position: number, ifEmpty: boolean) => Promise<boolean>

/**
 * Sends the days before today to an empty log, oldest first, each whole. What an interrupted start has left unsent the
 * next one sends, the day that it was at once more: the same seed gives the same event ids, and repeats are dropped.
 * @param file where it is kept how far it has come
 * @returns the days that it sent
 */
export async function sendPastDays(file: string, today: readonly string[], send: SendDay): Promise<readonly string[]> {
  const begun = read(file)
  const days = begun?.days ?? today
  let sent = begun?.sent ?? 0
  if (!begun) write(file, { days, sent })
  const sentNow: string[] = []
  while (sent < days.length) {
    const day = days[sent] ?? ''
    const isSent = await send(day, sent, !begun && sent === 0)
    if (isSent) sentNow.push(day)
    sent = isSent ? sent + 1 : days.length // somebody's own log: nothing is to be added to it, now or later
    write(file, { days, sent })
  }
  return sentNow
}

function read(file: string): PastDays | undefined {
  if (!existsSync(file)) return undefined
  return JSON.parse(readFileSync(file, 'utf8')) as PastDays
}

function write(file: string, state: PastDays): void {
  writeFileSync(`${file}.part`, JSON.stringify(state))
  renameSync(`${file}.part`, file)
}
