/*
 * Writes an access log of one day of a large shop: 200,000 clients, 40 % assets, some 300 user agents, scrapers that the
 * default rules flag. The same bytes for the same number of lines. For measuring whatever reads logs.
 * `npm run bench -- access-log LINES FILE`
 */
import { open } from 'node:fs/promises'
import { accessLogBlocks } from './access-log/lines.js'

export const ACCESS_LOG_SEED = 20_261_006
const BYTES_PER_WRITE = 1_048_576

/** Writes a log of so many lines to a file, which must not exist. */
export async function accessLog(lines: number, file: string | undefined): Promise<void> {
  if (file === undefined) throw new Error('usage: npm run bench -- access-log LINES FILE')
  const startedMs = performance.now()
  const handle = await open(file, 'wx')
  let bytes = 0
  let held = ''
  const write = async (): Promise<void> => {
    await handle.appendFile(held, 'latin1')
    bytes += held.length
    held = ''
  }
  try {
    for (const block of accessLogBlocks(lines, ACCESS_LOG_SEED)) {
      held += block
      if (held.length >= BYTES_PER_WRITE) await write()
    }
    await write()
  } finally {
    await handle.close()
  }
  const seconds = (performance.now() - startedMs) / 1_000
  const perSecond = Math.round(lines / seconds).toLocaleString('en')
  const memory = Math.round(process.resourceUsage().maxRSS / 1_024)
  console.log(
    `${lines.toLocaleString('en')} lines, ${(bytes / 1e6).toFixed(1)} MB, in ${seconds.toFixed(1)} s: ${perSecond} lines/s, ${memory} MB of memory`,
  )
}
