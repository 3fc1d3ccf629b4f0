import type { Text } from '../text.js'

/** No placeholder is longer. */
const MAX_PLACEHOLDER_LENGTH = 4

/**
 * A value of a log or an event, or null when it only says that there is none: empty, `-` as web servers write it, or
 * two quotes that were written into the value.
 */
export function knownOrNull(given: string | null | undefined): string | null {
  if (given === null || given === undefined || given.length === 0) return null
  if (given.length > MAX_PLACEHOLDER_LENGTH) return given
  const text = given.trim()
  return text === '' || text === '-' || text === '""' || text === '"-"' || text === "''" ? null : given
}

/** The same for a text that may still lie in its record's bytes. */
export const knownText = (given: Text | null): Text | null =>
  given === null || given.length > MAX_PLACEHOLDER_LENGTH || knownOrNull(String(given)) !== null ? given : null
