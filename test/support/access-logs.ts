import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../platform/package-root.js'

/** The sample, so that its first line is of a moment within the day that `GET /stats` and `GET /slo` are about. */
export function sampleShiftedTo(firstMs: number): string {
  const text = readFileSync(join(packageRoot, 'test', 'fixtures', 'access-log.txt'), 'latin1')
  const byMs = firstMs - Date.UTC(2025, 2, 2, 10)
  const shifted = (at: string) => {
    const [, day = '', month = '', year = '', hour = '', minute = '', second = ''] =
      new Date(Date.parse(at) + byMs).toUTCString().match(/, (\d+) (\w+) (\d+) (\d+):(\d+):(\d+)/) ?? []
    return `[${day}/${month}/${year}:${hour}:${minute}:${second} +0000]`
  }
  return text.replaceAll(/\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) (\S+)\]/g, (whole, d, m, y, time, zone) =>
    Number.isNaN(Date.parse(`${d} ${m} ${y} ${time} ${zone}`)) ? whole : shifted(`${d} ${m} ${y} ${time} ${zone}`),
  )
}

/** Ten requests a second of one client. */
export function longLog(lines: number): string {
  const fromMs = Date.UTC(2026, 0, 5)
  const at = (ms: number) => `05/Jan/2026:${new Date(ms).toISOString().slice(11, 19)} +0000`
  return Array.from(
    { length: lines },
    (_, i) =>
      `192.0.2.9 - - [${at(fromMs + Math.floor(i / 10) * 1_000)}] "GET /page/${i} HTTP/1.1" 200 5 "-" "Long/1.0"\n`,
  ).join('')
}
