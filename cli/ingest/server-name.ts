import { basename } from 'node:path'

const PACKED = /\.(?:gz|zst|zstd|xz|bz2|Z)$/i
/** What log rotation appends: `.1`, `-20261006`, `.2026-10-06`, `-2026100612`, `-1791280800`, `.old`. */
const ROTATED =
  /[.-](?:\d{1,4}|\d{8}(?:\d{2}|\d{4}|\d{6})?|\d{10}|\d{4}-\d{2}-\d{2}(?:[-_T]\d{2}(?:[-:]?\d{2}){0,2})?|old|bak)$/i

/**
 * The name that all files of one log share, whatever their rotation called them: `access.log.2.gz` and
 * `access.log-20261006` → `access.log`; `access-20261006.log` → `access.log`. Standard input is `stdin`.
 */
export function serverNameOf(file: string): string {
  if (file === '-') return 'stdin'
  let name = basename(file).replace(PACKED, '')
  while (ROTATED.test(name)) name = name.replace(ROTATED, '')
  const dated = /^(.+?)[.-](?:\d{8}|\d{4}-\d{2}-\d{2})(\.[A-Za-z]{2,5})$/.exec(name)
  return dated ? `${dated[1] ?? ''}${dated[2] ?? ''}` : name
}
