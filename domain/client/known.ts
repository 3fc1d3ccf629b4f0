/**
 * A value of a log or an event, or null when it only says that there is none: empty, `-` as web servers write it, or
 * two quotes that were written into the value.
 */
export function knownOrNull(given: string | null | undefined): string | null {
  if (given === null || given === undefined || given.length === 0) return null
  if (given.length > 4) return given
  const text = given.trim()
  return text === '' || text === '-' || text === '""' || text === '"-"' || text === "''" ? null : given
}
